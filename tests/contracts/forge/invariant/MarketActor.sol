// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogMarket} from "../../../../contracts/FogMarket.sol";
import {FogToken} from "../../../../contracts/FogToken.sol";
import {Session} from "../../../../contracts/interfaces/IFogMarket.sol";
import {bound, vm} from "../Vm.sol";

/// @notice Does what buyers and providers may do, in any order, and keeps its own books of it; and tries what they may
/// not do.
/// @dev What is within the rules may not revert (`fail_on_revert`): a session that cannot be left would show.
contract MarketActor {
    FogToken internal immutable token;
    FogMarket internal immutable market;

    uint256[] internal keys = [uint256(0xA1), 0xA2, 0xA3];
    address[] internal providers = [address(0x9101), address(0x9102), address(0x9103)];
    bytes32[] public sessions;
    uint256 internal jobs;

    /// @notice How often the market did what it must not.
    uint256 public wrongs;
    mapping(address buyer => uint256) public deposited;
    mapping(address buyer => uint256) public withdrawn;
    mapping(address buyer => uint256) public paid;
    mapping(bytes32 session => uint256) public paidBy;

    constructor(FogToken token_, FogMarket market_) {
        (token, market) = (token_, market_);
    }

    function buyers() public view returns (address[] memory found) {
        found = new address[](keys.length);
        for (uint256 i; i < keys.length; ++i) {
            found[i] = vm.addr(keys[i]);
        }
    }

    function sessionCount() external view returns (uint256) {
        return sessions.length;
    }

    function deposit(uint256 who, uint256 amount) external {
        address buyer = vm.addr(keys[who % keys.length]);
        uint256 owned = token.balanceOf(buyer);
        if (owned == 0) return;
        uint96 value = uint96(bound(amount, 1, owned));
        vm.startPrank(buyer);
        token.approve(address(market), value);
        market.deposit(value);
        vm.stopPrank();
        deposited[buyer] += value;
    }

    function withdraw(uint256 who, uint256 amount) external {
        address buyer = vm.addr(keys[who % keys.length]);
        uint256 free = market.free(buyer);
        if (free == 0) return;
        uint96 value = uint96(bound(amount, 1, free));
        vm.prank(buyer);
        market.withdraw(value);
        withdrawn[buyer] += value;
    }

    function open(uint256 who, uint256 whom, uint256 amount, uint256 length) external {
        address buyer = vm.addr(keys[who % keys.length]);
        uint256 free = market.free(buyer);
        if (free == 0) return;
        uint96 cap = uint96(bound(amount, 1, free));
        uint40 expiry = uint40(block.timestamp + bound(length, 1, 1 days));
        vm.prank(buyer);
        bytes32 id = market.openSession(providers[whom % providers.length], cap, expiry, bytes32(++jobs));
        sessions.push(id);
    }

    function topUp(uint256 which, uint256 amount) external {
        (bytes32 id, Session memory s) = pick(which);
        if (!s.open || market.free(s.buyer) == 0) return;
        uint96 value = uint96(bound(amount, 1, market.free(s.buyer)));
        vm.prank(s.buyer);
        market.topUp(id, value);
    }

    function claim(uint256 which, uint256 amount) external {
        (bytes32 id, Session memory s) = pick(which);
        if (!s.open || s.claimed == s.cap) return;
        uint96 value = uint96(bound(amount, s.claimed + 1, s.cap));
        market.claim(id, value, voucher(id, s.buyer, value));
        book(id, s, value);
    }

    function claimAndClose(uint256 which, uint256 amount) external {
        (bytes32 id, Session memory s) = pick(which);
        if (!s.open || s.claimed == s.cap) return;
        uint96 value = uint96(bound(amount, s.claimed + 1, s.cap));
        bytes memory signature = voucher(id, s.buyer, value);
        vm.prank(s.provider);
        market.claimAndClose(id, value, signature);
        book(id, s, value);
    }

    /// @dev The buyer promises more than the cap.
    function overclaim(uint256 which, uint256 amount) external {
        (bytes32 id, Session memory s) = pick(which);
        if (s.buyer == address(0)) return;
        uint96 value = uint96(bound(amount, uint256(s.cap) + 1, uint256(s.cap) * 2));
        attempt(id, s, value, voucher(id, s.buyer, value));
    }

    /// @dev A voucher of this session that another buyer signed.
    function forge(uint256 which, uint256 amount) external {
        (bytes32 id, Session memory s) = pick(which);
        if (!s.open || s.claimed == s.cap) return;
        uint96 value = uint96(bound(amount, uint256(s.claimed) + 1, s.cap));
        address forger = vm.addr(keys[0]) == s.buyer ? vm.addr(keys[1]) : vm.addr(keys[0]);
        attempt(id, s, value, voucher(id, forger, value));
    }

    /// @dev Not paid by the rules: if it is paid after all, `wrongs` counts it.
    function attempt(bytes32 id, Session memory s, uint96 value, bytes memory signature) internal {
        try market.claim(id, value, signature) {
            ++wrongs;
            book(id, s, value);
        } catch {}
    }

    function closeAsProvider(uint256 which) external {
        (bytes32 id, Session memory s) = pick(which);
        if (!s.open) return;
        vm.prank(s.provider);
        market.closeSession(id);
    }

    function closeAsBuyer(uint256 which) external {
        (bytes32 id, Session memory s) = pick(which);
        if (!s.open) return;
        if (block.timestamp < s.expiry) {
            vm.prank(s.buyer);
            try market.closeSession(id) {
                ++wrongs;
                return;
            } catch {}
            vm.warp(s.expiry);
        }
        vm.prank(s.buyer);
        market.closeSession(id);
    }

    function donate(uint256 who, uint256 amount) external {
        address buyer = vm.addr(keys[who % keys.length]);
        uint256 value = bound(amount, 0, token.balanceOf(buyer) / 1000);
        vm.prank(buyer);
        token.transfer(address(market), value);
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 1 hours));
    }

    function pick(uint256 which) internal view returns (bytes32 id, Session memory s) {
        if (sessions.length == 0) return (id, s);
        id = sessions[which % sessions.length];
        s = market.session(id);
    }

    function voucher(bytes32 id, address buyer, uint96 amount) internal view returns (bytes memory) {
        for (uint256 i; i < keys.length; ++i) {
            if (vm.addr(keys[i]) != buyer) continue;
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], market.hashVoucher(id, amount));
            return abi.encodePacked(r, s, v);
        }
        revert("no such buyer");
    }

    function book(bytes32 id, Session memory s, uint96 total) internal {
        paid[s.buyer] += total - s.claimed;
        paidBy[id] += total - s.claimed;
    }
}
