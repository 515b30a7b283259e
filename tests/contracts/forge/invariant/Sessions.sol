// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claim, Session} from "../../../../contracts/interfaces/IFogMarket.sol";
import {bound, vm} from "../Vm.sol";
import {Purses} from "./Purses.sol";
import {Rules} from "./Rules.sol";

/// @notice Sessions and batches, and what each session must be.
abstract contract Sessions is Purses, Rules {
    bytes32[] internal sessionIds;
    mapping(bytes32 id => Session) internal sessionBooks;
    mapping(address buyer => uint32) internal numbers;

    function sessions() external view returns (bytes32[] memory) {
        return sessionIds;
    }

    /// @notice What session `id` must be, by the rules.
    function sessionBook(bytes32 id) external view returns (Session memory) {
        return sessionBooks[id];
    }

    /* ACTIONS */

    function openSession(uint256 who, uint256 whom, uint256 amount, uint256 length) external acts {
        if (openOneSession(who, whom, amount, length) == 0) merelyTried = true;
    }

    function topUp(uint256 which, uint256 amount) external acts {
        (bytes32 id, Session storage s) = pickSession(which, 0);
        vm.assume(free[s.buyer] != 0);
        uint96 value = part(amount, free[s.buyer]);
        vm.prank(s.buyer);
        market.topUp(id, value);
        free[s.buyer] -= value;
        s.cap += value;
    }

    function claim(uint256 which, uint256 amount, uint256 by) external acts {
        (bytes32 id, Session storage s) = pickSession(which, 1);
        uint96 value = uint96(bound(amount, s.claimed + 1, s.cap));
        bytes memory word = voucher(id, value);
        vm.prank(anyone(by));
        market.claim(id, value, word);
        pay(s, value);
        bytes memory again = abi.encodeCall(market.claim, (id, value, word));
        forbid(anyone(by), address(market), again, "I5: a voucher was claimed twice");
    }

    /// @dev Vouchers that are good beside some that are not: the good ones are paid, and nothing else.
    function claimMany(uint256 from, uint256 count, uint256 seed) external acts {
        vm.assume(sessionIds.length != 0);
        count = bound(count, 1, 6);
        Claim[] memory claims = new Claim[](count);
        for (uint256 i; i < count; ++i) {
            bytes32 id = sessionIds[(from % sessionIds.length + i) % sessionIds.length];
            Session storage s = sessionBooks[id];
            uint96 value = uint96(bound(mix(seed, i), 1, uint256(s.cap) + s.cap / 4 + 1));
            bool forged = mix(seed, i) % 5 == 0;
            bytes memory word = forged ? sign(people[14], market.hashVoucher(id, value)) : voucher(id, value);
            claims[i] = Claim({session: id, amount: value, signature: word});
            if (!forged && s.open && value > s.claimed && value <= s.cap) pay(s, value);
        }
        market.claimMany(claims);
    }

    function claimAndClose(uint256 which, uint256 amount) external acts {
        (bytes32 id, Session storage s) = pickSession(which, 0);
        uint96 value = uint96(bound(amount, s.claimed, s.cap));
        bytes memory word = voucher(id, value);
        vm.prank(s.provider);
        market.claimAndClose(id, value, word);
        if (value > s.claimed) pay(s, value);
        end(s);
    }

    /// @dev The provider at any time; anyone, once it expired.
    function closeSession(uint256 which, uint256 by) external acts {
        (bytes32 id, Session storage s) = pickSession(which, 0);
        address caller = anyone(by);
        if (caller != s.provider) {
            bytes memory data = abi.encodeCall(market.closeSession, (id));
            if (block.timestamp < s.expiry) {
                forbid(s.buyer == s.provider ? people[14] : s.buyer, address(market), data, "closed before its expiry");
            }
            if (s.expiry > block.timestamp + 2 hours) {
                merelyTried = true;
                return;
            }
            passTo(s.expiry);
        }
        vm.prank(caller);
        market.closeSession(id);
        end(s);
    }

    function settleBatch(uint256 who, uint256 count, uint256 seed) external acts {
        address payer = buyer(who);
        count = bound(count, 1, 20);
        vm.assume(free[payer] >= count);
        address[] memory payees = new address[](3);
        for (uint256 i; i < 3; ++i) {
            payees[i] = provider(seed % 4 + i);
        }
        bytes memory items;
        uint256[3] memory sums;
        uint256 most = free[payer] / count;
        uint32 first = numbers[payer];
        for (uint32 i; i < count; ++i) {
            uint80 value = uint80(bound(mix(seed, i), 0, most < type(uint80).max ? most : type(uint80).max));
            items = abi.encodePacked(items, uint16(mix(seed, i) % 3), first + i, value);
            sums[mix(seed, i) % 3] += value;
        }
        vm.prank(payer);
        market.settleBatch(payees, items);
        numbers[payer] += uint32(count);
        for (uint256 i; i < 3; ++i) {
            free[payer] -= sums[i];
            earn(payees[i], sums[i], rules().feeBps);
        }

        // Against the rules: one number that was paid spoils the whole batch, new ones beside it included.
        uint32 paid = uint32(mix(seed, 77) % numbers[payer]);
        items = abi.encodePacked(uint16(0), numbers[payer] + 3, uint80(0), uint16(0), paid, uint80(0));
        bytes memory data = abi.encodeCall(market.settleBatch, (payees, items));
        forbid(payer, address(market), data, "I18: a number was paid twice");
    }

    /* AGAINST THE RULES */

    /// @dev Above the cap, signed by another, with the twin of the signature, or on an ended session.
    function claimWrongly(uint256 which, uint256 amount, uint256 kind) external acts {
        vm.assume(sessionIds.length != 0);
        bytes32 id = sessionIds[which % sessionIds.length];
        Session storage s = sessionBooks[id];
        uint96 value = uint96(bound(amount, 1, s.cap));
        bytes memory word = voucher(id, value);
        string memory what = "I21: an ended session paid";
        if (s.open) {
            if (kind % 3 == 0) {
                what = "I5: a session paid above its cap";
                value = uint96(bound(amount, uint256(s.cap) + 1, uint256(s.cap) * 2));
                word = voucher(id, value);
            } else if (kind % 3 == 1) {
                what = "I17: a voucher of another account was paid";
                word = sign(people[14], market.hashVoucher(id, value));
            } else {
                what = "I17: the twin of a signature was taken";
                word = twin(word);
            }
        }
        forbid(s.provider, address(market), abi.encodeCall(market.claim, (id, value, word)), what);
        if (!s.open) forbid(s.provider, address(market), abi.encodeCall(market.closeSession, (id)), what);
    }

    /* INTERNAL */

    /// @return id The new session, or zero when new ones are stopped.
    function openOneSession(uint256 who, uint256 whom, uint256 amount, uint256 length) private returns (bytes32 id) {
        address payer = buyer(who);
        vm.assume(free[payer] != 0);
        Session memory s = Session({
            buyer: payer,
            cap: part(amount, free[payer]),
            provider: provider(whom),
            claimed: 0,
            expiry: uint40(block.timestamp + bound(length, 1, 1 days)),
            feeBps: rules().feeBps,
            open: true
        });
        bytes32 job = bytes32(sessionIds.length);
        bytes memory data = abi.encodeCall(market.openSession, (s.provider, s.cap, s.expiry, job));
        if (block.timestamp < stoppedUntil) {
            forbid(payer, address(market), data, "I7: a session was opened during a stop");
            return 0;
        }
        vm.prank(payer);
        id = market.openSession(s.provider, s.cap, s.expiry, job);
        sessionIds.push(id);
        sessionBooks[id] = s;
        free[payer] -= s.cap;
        forbid(payer, address(market), data, "I21: a session was opened twice");
    }

    /// @dev An open session that can still pay `least`; if there is none, a new one.
    function pickSession(uint256 which, uint256 least) private returns (bytes32 id, Session storage s) {
        uint256 count = sessionIds.length;
        for (uint256 i; i < count; ++i) {
            id = sessionIds[(which % count + i) % count];
            s = sessionBooks[id];
            if (s.open && s.cap - s.claimed >= least) return (id, s);
        }
        id = openOneSession(which, mix(which, 1), mix(which, 2), mix(which, 3));
        vm.assume(id != 0);
        s = sessionBooks[id];
    }

    function voucher(bytes32 id, uint96 amount) private view returns (bytes memory) {
        return sign(sessionBooks[id].buyer, market.hashVoucher(id, amount));
    }

    function twin(bytes memory word) private pure returns (bytes memory) {
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        (bytes32 r, uint256 s, uint8 v) = (0, 0, uint8(word[64]));
        assembly ("memory-safe") {
            r := mload(add(word, 0x20))
            s := mload(add(word, 0x40))
        }
        return abi.encodePacked(r, order - s, v == 27 ? uint8(28) : uint8(27));
    }

    function pay(Session storage s, uint96 total) private {
        earn(s.provider, total - s.claimed, s.feeBps);
        s.claimed = total;
    }

    function end(Session storage s) private {
        s.open = false;
        free[s.buyer] += s.cap - s.claimed;
    }
}
