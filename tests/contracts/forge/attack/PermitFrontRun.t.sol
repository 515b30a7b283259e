// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogToken} from "../../../../contracts/FogToken.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice Takes it for granted that it is the first to use a permit.
contract NaivePermitDeposit {
    FogToken private immutable token;
    mapping(address owner => uint256) public free;

    constructor(FogToken token_) {
        token = token_;
    }

    function deposit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        token.permit(msg.sender, address(this), amount, deadline, v, r, s);
        token.transferFrom(msg.sender, address(this), amount);
        free[msg.sender] += amount;
    }
}

/// @notice Whoever sees a permit uses it first, so that the transaction it came with fails.
contract PermitFrontRunTest is BaseTest {
    function permit(address spender, uint256 amount) private view returns (uint8 v, bytes32 r, bytes32 s) {
        return vm.sign(BUYER_KEY, permitDigest(buyer, spender, amount, block.timestamp));
    }

    function test_Proof_DepositFails() public {
        NaivePermitDeposit naive = new NaivePermitDeposit(token);
        (uint8 v, bytes32 r, bytes32 s) = permit(address(naive), 5e18);
        vm.prank(other);
        token.permit(buyer, address(naive), 5e18, block.timestamp, v, r, s);
        vm.expectRevert();
        vm.prank(buyer);
        naive.deposit(5e18, block.timestamp, v, r, s);
    }

    function test_Fix_DepositSucceeds() public {
        vm.prank(buyer);
        token.approve(address(market), 0);
        (uint8 v, bytes32 r, bytes32 s) = permit(address(market), 5e18);
        vm.prank(other);
        token.permit(buyer, address(market), 5e18, block.timestamp, v, r, s);
        vm.prank(buyer);
        market.depositWithPermit(5e18, block.timestamp, v, r, s);
        vm.assertEq(market.free(buyer), 105e18);
    }

    function test_Fix_BondSucceeds() public {
        vm.prank(buyer);
        token.approve(address(stake), 0);
        (uint8 v, bytes32 r, bytes32 s) = permit(address(stake), 5e18);
        vm.prank(other);
        token.permit(buyer, address(stake), 5e18, block.timestamp, v, r, s);
        vm.prank(buyer);
        stake.bondWithPermit(5e18, block.timestamp, v, r, s);
        vm.assertEq(stake.bonded(buyer), 5e18);
    }

    /// @dev An authorization that only the market can use can't be used up by anyone else.
    function test_Fix_AuthorizationIsTheMarketsAlone() public {
        bytes32 kind = keccak256(
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        uint256 until = block.timestamp + 1;
        bytes memory content = abi.encode(kind, buyer, market, 5e18, 0, until, JOB);
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), keccak256(content)));
        bytes memory word = sign(BUYER_KEY, digest);
        vm.expectRevert();
        vm.prank(other);
        token.receiveWithAuthorization(buyer, address(market), 5e18, 0, until, JOB, word);
        vm.prank(other);
        market.depositWithAuthorization(buyer, 5e18, 0, until, JOB, word);
        vm.assertEq(market.free(buyer), 105e18);
    }
}
