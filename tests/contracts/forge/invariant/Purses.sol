// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {bound, vm} from "../Vm.sol";
import {World} from "./World.sol";

/// @notice Balances in the market, and the books that say what they must be.
abstract contract Purses is World {
    /// @notice What an account must have free, and what must be kept back of its pay: by the rules, not by the market.
    mapping(address owner => uint256) public free;
    mapping(address owner => uint256) public fees;
    mapping(address owner => uint256) public volume;

    /// @notice What somebody sent to the market without a deposit.
    uint256 public donated;

    uint256 private nonce;

    /* BOOKS */

    /// @dev `owner` is paid `gross` at this fee.
    function earn(address owner, uint256 gross, uint256 feeBps) internal returns (uint256 fee) {
        fee = gross * feeBps / 10_000;
        free[owner] += gross - fee;
        fees[owner] += fee;
        volume[owner] += gross / 1e9;
    }

    /* ACTIONS */

    function deposit(uint256 who, uint256 amount) external acts {
        address owner = buyer(who);
        uint96 value = affordable(owner, amount);
        vm.prank(owner);
        market.deposit(value);
        free[owner] += value;
    }

    function depositWithPermit(uint256 who, uint256 amount) external acts {
        address owner = buyer(who);
        uint96 value = affordable(owner, amount);
        bytes32 kind = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes memory content = abi.encode(kind, owner, market, value, token.nonces(owner), block.timestamp);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[owner], tokenDigest(content));
        vm.prank(owner);
        market.depositWithPermit(value, block.timestamp, v, r, s);
        vm.prank(owner);
        token.approve(address(market), type(uint256).max);
        free[owner] += value;
    }

    function depositWithAuthorization(uint256 who, uint256 by, uint256 amount) external acts {
        address owner = buyer(who);
        uint96 value = affordable(owner, amount);
        bytes32 kind = keccak256(
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        bytes memory content = abi.encode(kind, owner, market, value, 0, block.timestamp + 1, bytes32(++nonce));
        bytes memory word = sign(owner, tokenDigest(content));
        bytes memory data = abi.encodeCall(
            market.depositWithAuthorization, (owner, value, 0, block.timestamp + 1, bytes32(nonce), word)
        );
        vm.prank(anyone(by));
        (bool ok,) = address(market).call(data);
        require(ok, "an authorised deposit failed");
        free[owner] += value;
        forbid(anyone(by), address(market), data, "I17: an authorization was used twice");
    }

    function withdraw(uint256 who, uint256 amount) external acts {
        address owner = anyone(who);
        vm.assume(free[owner] != 0);
        uint96 value = part(amount, free[owner]);
        vm.prank(owner);
        market.withdraw(value);
        free[owner] -= value;
    }

    function collectFees(uint256 from, uint256 count) external acts {
        count = bound(count, 1, PEOPLE);
        address[] memory owners = new address[](count);
        uint256 sum;
        for (uint256 i; i < count; ++i) {
            owners[i] = anyone(from % PEOPLE + i);
            sum += fees[owners[i]];
            (fees[owners[i]], volume[owners[i]]) = (0, 0);
        }
        vm.assume(sum != 0);
        uint256 pool = court.pool();
        uint256 staked = token.balanceOf(address(stake));
        market.collectFees(owners);
        vm.assertEq(court.pool() - pool, sum / 2, "I4: the auditors' half of the fees");
        vm.assertEq(token.balanceOf(address(stake)) - staked, sum - sum / 2, "I4: the bonds' half of the fees");
    }

    function donate(uint256 who, uint256 amount) external acts {
        address owner = anyone(who);
        uint96 value = affordable(owner, amount) / 1000;
        vm.prank(owner);
        token.transfer(address(market), value);
        donated += value;
    }

    /* AGAINST THE RULES */

    function overdraw(uint256 who, uint256 amount) external acts {
        address owner = anyone(who);
        uint96 value = uint96(bound(amount, free[owner] + 1, type(uint96).max));
        forbid(owner, address(market), abi.encodeCall(market.withdraw, (value)), "I1: more was withdrawn than is free");
        forbid(owner, address(market), abi.encodeCall(market.withdraw, (0)), "nothing was withdrawn");
    }

    /* INTERNAL */

    function affordable(address owner, uint256 amount) private view returns (uint96) {
        uint256 owned = token.balanceOf(owner);
        vm.assume(owned != 0);
        return part(amount, owned);
    }

    function tokenDigest(bytes memory content) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), keccak256(content)));
    }
}
