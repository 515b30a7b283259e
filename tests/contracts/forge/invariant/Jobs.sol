// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, JobState, Terms, Work} from "../../../../contracts/interfaces/IFogMarket.sol";
import {bound, vm} from "../Vm.sol";
import {Purses} from "./Purses.sol";
import {Rules} from "./Rules.sol";

/// @notice What a job must be, by the rules.
/// @param window The challenge window of its version.
/// @param paid What was paid of its price, fee included.
/// @param refund What of its price was the buyer's again.
struct JobBook {
    Terms terms;
    JobState state;
    uint16 version;
    uint16 feeBps;
    uint32 window;
    uint40 since;
    uint32 number;
    Delivery delivery;
    uint256 paid;
    uint256 refund;
}

/// @notice Single jobs, up to the court's door.
abstract contract Jobs is Purses, Rules {
    bytes32[] internal jobIds;
    mapping(bytes32 id => JobBook) internal jobBooks;
    mapping(bytes32 work => Work) private works;

    function jobs() external view returns (bytes32[] memory) {
        return jobIds;
    }

    function jobBook(bytes32 id) external view returns (JobBook memory) {
        return jobBooks[id];
    }

    /// @notice What whoever runs the job gets.
    function truth(bytes32 id) public pure returns (bytes32 result, uint64 fuel) {
        return (keccak256(abi.encode(id, "result")), uint64(uint256(id) % 20e9));
    }

    /* ACTIONS */

    function open(uint256 who, uint256 whom, uint256 price, uint256 seed) external acts {
        bytes32 id = openOne(who, whom, price, seed);
        if (id == 0) merelyTried = true;
        else if (seed & 16 == 0) deliverOne(id, mix(seed, 5));
    }

    function deliver(uint256 which, uint256 seed) external acts {
        deliverOne(pickOpen(which, true), seed);
    }

    function settleSigned(uint256 which, uint256 amount, uint256 by) external acts {
        bytes32 id = pickUnsettled(which);
        JobBook storage j = jobBooks[id];
        uint96 value = uint96(bound(amount, 0, j.terms.price));
        bytes memory word = sign(j.terms.buyer, market.hashAcceptance(id, value));
        if (value < j.terms.price) {
            bytes memory more = abi.encodeCall(market.settleSigned, (j.terms, value + 1, word));
            forbid(j.terms.provider, address(market), more, "I3: more was paid than accepted");
            bytes memory alone = abi.encodeCall(market.settleSigned, (j.terms, value, word));
            forbid(j.terms.buyer, address(market), alone, "I3: the buyer alone paid less than the price");
        }
        uint96 above = uint96(uint256(j.terms.price) + 1);
        bytes memory tooMuch = abi.encodeCall(market.settleSigned, (j.terms, above, ""));
        forbid(j.terms.buyer, address(market), tooMuch, "I3: more was paid than the price");
        vm.prank(value < j.terms.price ? j.terms.provider : by % 2 == 0 ? j.terms.buyer : anyone(by));
        market.settleSigned(j.terms, value, word);
        settle(j, value);
    }

    function settleQuorum(uint256 which, uint256 seed) external acts {
        bytes32 id = pickUnsettled(which);
        JobBook storage j = jobBooks[id];
        Work memory work = works[j.terms.work];
        (bytes32 result, uint64 fuel) = truth(id);
        bytes32 digest = market.hashReplica(id, result, fuel);
        uint256 missing = seed % 4; // 3: none is
        bytes[] memory words = new bytes[](3);
        for (uint256 i; i < 3; ++i) {
            if (i != missing) words[i] = sign(work.replicas[i], digest);
        }
        quorumWrongly(id, j.terms, work, words);
        market.settleQuorum(j.terms, work, result, fuel, words);

        uint256 share = owed(j.terms, fuel, block.timestamp) / 3;
        for (uint256 i; i < 3; ++i) {
            if (i == missing) continue;
            j.paid += share;
            earn(work.replicas[i], share, j.feeBps);
        }
        enter(j, JobState.Settled);
        giveBack(j, j.terms.price - j.paid);
    }

    /// @dev Who delivered is paid when nobody challenged him in time.
    function finalize(uint256 which) external acts {
        bytes32 id = pickDelivered(which, false);
        JobBook storage j = jobBooks[id];
        bytes memory data = abi.encodeCall(market.finalize, (j.terms, j.delivery));
        if (block.timestamp < j.since + j.window) {
            forbid(j.terms.provider, address(market), data, "paid before the challenge window was over");
            passTo(j.since + j.window);
        }
        Delivery memory other = j.delivery;
        ++other.fuel;
        data = abi.encodeCall(market.finalize, (j.terms, other));
        forbid(j.terms.provider, address(market), data, "paid for something else than was delivered");
        market.finalize(j.terms, j.delivery);
        settle(j, owed(j.terms, j.delivery.fuel, j.delivery.at));
    }

    function cancel(uint256 which, uint256 by) external acts {
        bytes32 id = pickOpen(which, true);
        JobBook storage j = jobBooks[id];
        bytes memory data = abi.encodeCall(market.cancel, (j.terms));
        forbid(people[14], address(market), data, "somebody else cancelled");
        (address caller, uint256 until) = by % 2 == 0
            ? (j.terms.buyer, j.terms.inputBy)
            : (j.terms.provider, j.terms.inputBy + (j.terms.due - j.terms.inputBy) / 2);
        if (block.timestamp >= until) {
            forbid(caller, address(market), data, "cancelled too late");
            merelyTried = true;
            return;
        }
        vm.prank(caller);
        market.cancel(j.terms);
        enter(j, JobState.Cancelled);
        giveBack(j, j.terms.price);
    }

    /// @dev Nobody delivered: the buyer is refunded, and has the breach as far as there is a bond.
    function expire(uint256 which, uint256 by) external acts {
        bytes32 id = pickOpen(which, false);
        JobBook storage j = jobBooks[id];
        bytes memory data = abi.encodeCall(market.expire, (j.terms));
        if (block.timestamp < j.terms.lateBy) {
            forbid(anyone(by), address(market), data, "expired before its time");
            passTo(j.terms.lateBy);
        }
        data = abi.encodeCall(market.deliver, (j.terms, "late", 1));
        forbid(j.terms.provider, address(market), data, "delivered when it was worth nothing");
        uint256 had = token.balanceOf(j.terms.buyer);
        uint256 bond = stake.slashable(j.terms.provider);
        vm.prank(anyone(by));
        market.expire(j.terms);
        enter(j, JobState.Expired);
        giveBack(j, j.terms.price);

        uint256 breach = j.terms.breach < bond ? j.terms.breach : bond;
        vm.assertEq(token.balanceOf(j.terms.buyer) - had, breach, "the breach that the buyer has");
        vm.assertEq(bond - stake.slashable(j.terms.provider), breach, "the breach that the bond paid");
        seized(j.terms.provider, breach);
    }

    /* STEPS */

    /// @return id The new job, or zero when new jobs are stopped.
    function openOne(uint256 who, uint256 whom, uint256 price, uint256 seed) internal returns (bytes32 id) {
        Terms memory t;
        (t.buyer, t.provider) = (buyer(who), provider(whom));
        if (t.buyer == t.provider) t.provider = provider(whom + 1);
        vm.assume(free[t.buyer] != 0);
        t.price = part(price, free[t.buyer] < 50e18 ? free[t.buyer] : 50e18);
        if (seed & 1 == 0) t.rate = part(mix(seed, 0), uint256(t.price) * 2);
        uint256 wanted = uint256(t.price) * rules().bondMultiple;
        if (seed & 2 == 0 && bondOf(t.provider) >= wanted) t.breach = part(mix(seed, 1), t.price);
        t.inputBy = uint40(block.timestamp + bound(mix(seed, 2), 0, 2 hours));
        t.due = uint40(t.inputBy + bound(mix(seed, 3), 1, 2 hours));
        t.lateBy = uint40(t.due + bound(mix(seed, 4), 0, 2 hours));
        t.work = newWork(t.buyer, seed);
        id = market.hashTerms(t);

        // The buyer sends it, the provider does, or anyone with the buyer's word if it binds nobody else.
        bytes memory providers = t.breach == 0 ? bytes("") : sign(t.provider, id);
        bytes memory buyers = sign(t.buyer, id);
        address sender = seed & 4 == 0 ? t.buyer : seed & 8 == 0 || t.breach != 0 ? t.provider : people[14];
        bytes memory data = abi.encodeCall(market.open, (t, sender == t.buyer ? providers : buyers));
        if (block.timestamp < stoppedUntil) {
            forbid(sender, address(market), data, "I7: a job was opened during a stop");
            return 0;
        }
        openWrongly(t, id, providers, buyers);
        vm.prank(sender);
        market.open(t, sender == t.buyer ? providers : buyers);
        enterNew(id, t);
        forbid(sender, address(market), data, "I21: a job was opened twice");
    }

    function deliverOne(bytes32 id, uint256 seed) internal {
        JobBook storage j = jobBooks[id];
        (bytes32 result, uint64 fuel) = truth(id);
        // Every third lies: about the result, or in the bill.
        if (seed % 6 == 0) result = "lie";
        else if (seed % 6 == 1) fuel += 1e9;
        bytes memory data = abi.encodeCall(market.deliver, (j.terms, result, fuel));
        forbid(people[14], address(market), data, "somebody else delivered");
        vm.prank(j.terms.provider);
        market.deliver(j.terms, result, fuel);
        enter(j, JobState.Delivered);
        j.delivery = Delivery({result: result, fuel: fuel, at: uint40(block.timestamp)});
        forbid(j.terms.provider, address(market), data, "I21: a job was delivered twice");
    }

    /* AGAINST THE RULES */

    /// @dev A job that ended does not change any more, whoever asks.
    function disturb(uint256 which, uint256 who) external acts {
        bytes32 id = pickEnded(which);
        JobBook storage j = jobBooks[id];
        string memory what = "I21: an ended job went on";
        (address a, address b, address m) = (j.terms.buyer, j.terms.provider, address(market));
        forbid(a, m, abi.encodeCall(market.open, (j.terms, sign(b, id))), what);
        forbid(b, m, abi.encodeCall(market.deliver, (j.terms, "again", 1)), what);
        forbid(a, m, abi.encodeCall(market.settleSigned, (j.terms, j.terms.price, "")), what);
        forbid(anyone(who), m, abi.encodeCall(market.finalize, (j.terms, j.delivery)), what);
        forbid(a, m, abi.encodeCall(market.cancel, (j.terms)), what);
        forbid(anyone(who), m, abi.encodeCall(market.expire, (j.terms)), what);
        forbid(a, m, abi.encodeCall(market.challenge, (j.terms, j.delivery)), what);
        forbid(address(court), m, abi.encodeCall(market.rule, (j.terms, j.delivery, true, 1, a)), what);
    }

    function openWrongly(Terms memory t, bytes32 id, bytes memory providers, bytes memory buyers) private {
        bytes memory strangers = sign(people[14], id);
        tryOpen(t.provider, t, strangers, "opened without the buyer's word");
        if (t.breach == 0) return;
        tryOpen(t.buyer, t, strangers, "opened without the provider's word");
        tryOpen(people[14], t, buyers, "opened without the provider's word");
        uint96 breach = t.breach;
        t.breach = breach == 1 ? 2 : breach - 1;
        tryOpen(t.buyer, t, providers, "I17: other terms than were signed");
        t.breach = uint96(uint256(t.price) + 1);
        tryOpen(t.buyer, t, sign(t.provider, market.hashTerms(t)), "a breach above the price");
        t.breach = breach;
    }

    function tryOpen(address by, Terms memory t, bytes memory word, string memory what) private {
        forbid(by, address(market), abi.encodeCall(market.open, (t, word)), what);
    }

    function quorumWrongly(bytes32 id, Terms memory t, Work memory work, bytes[] memory words) private {
        (bytes32 result, uint64 fuel) = truth(id);
        tryQuorum(t, work, fuel + 1, words, "I14: other fuel than was signed");
        bytes[] memory lone = new bytes[](3);
        lone[0] = sign(work.replicas[0], market.hashReplica(id, result, fuel));
        tryQuorum(t, work, fuel, lone, "I14: one replica was a quorum");
        lone[1] = lone[0];
        tryQuorum(t, work, fuel, lone, "I13: one replica counted twice");
        address first = work.replicas[0];
        work.replicas[0] = work.replicas[1];
        tryQuorum(t, work, fuel, words, "I13: other replicas than agreed");
        work.replicas[0] = first;
    }

    function tryQuorum(Terms memory t, Work memory work, uint64 fuel, bytes[] memory words, string memory what)
        private
    {
        (bytes32 result,) = truth(market.hashTerms(t));
        forbid(people[14], address(market), abi.encodeCall(market.settleQuorum, (t, work, result, fuel, words)), what);
    }

    /* RULES */

    /// @dev The pay by the interface's words: metered by the rate, at most the price, falling to zero when late.
    function owed(Terms memory t, uint64 fuel, uint256 at) internal pure returns (uint256 gross) {
        gross = t.rate == 0 ? t.price : uint256(t.rate) * fuel / 1e9;
        if (gross > t.price) gross = t.price;
        if (at > t.due) gross = at >= t.lateBy ? 0 : gross * (t.lateBy - at) / (t.lateBy - t.due);
    }

    function enterNew(bytes32 id, Terms memory t) private {
        jobIds.push(id);
        JobBook storage j = jobBooks[id];
        j.terms = t;
        (j.version, j.feeBps, j.window) = (uint16(versions.length), rules().feeBps, rules().challengeWindow);
        enter(j, JobState.Open);
        free[t.buyer] -= t.price;
    }

    function enter(JobBook storage j, JobState state) internal {
        (j.state, j.since, j.number) = (state, uint40(block.timestamp), uint32(block.number));
    }

    /// @dev The provider is paid `gross`, the buyer has the rest back.
    function settle(JobBook storage j, uint256 gross) internal {
        enter(j, JobState.Settled);
        j.paid += gross;
        earn(j.terms.provider, gross, j.feeBps);
        giveBack(j, j.terms.price - gross);
    }

    function giveBack(JobBook storage j, uint256 amount) internal {
        j.refund += amount;
        free[j.terms.buyer] += amount;
    }

    /// @dev The bond of `owner`, and that it lost so much.
    function bondOf(address owner) internal view virtual returns (uint256);
    function seized(address owner, uint256 amount) internal virtual;

    /* INTERNAL */

    function newWork(address owner, uint256 seed) private returns (bytes32 id) {
        address[] memory replicas = new address[](3);
        for (uint256 i; i < 3; ++i) {
            replicas[i] = provider(seed % 4 + i);
            if (replicas[i] == owner) replicas[i] = people[14];
        }
        for (uint256 i; i < 3; ++i) {
            for (uint256 k = i + 1; k < 3; ++k) {
                if (replicas[k] < replicas[i]) (replicas[i], replicas[k]) = (replicas[k], replicas[i]);
            }
        }
        Work memory work = Work({spec: "spec", quorum: 2, replicas: replicas, salt: jobIds.length});
        id = market.hashWork(work);
        works[id] = work;
    }

    // What is to be acted on is brought about where there is none.

    /// @dev An open job, in time or whether it is or not.
    function pickOpen(uint256 which, bool inTime) internal returns (bytes32 id) {
        id = find(which, JobState.Open, inTime);
        if (id == 0) id = openOne(which, mix(which, 1), mix(which, 2), mix(which, 3));
        vm.assume(id != 0);
    }

    /// @dev A delivered job, in its challenge window or whether it is or not.
    function pickDelivered(uint256 which, bool inTime) internal returns (bytes32 id) {
        id = find(which, JobState.Delivered, inTime);
        if (id != 0) return id;
        id = pickOpen(which, true);
        deliverOne(id, mix(which, 4));
    }

    function pickUnsettled(uint256 which) private returns (bytes32) {
        return which % 2 == 0 ? pickOpen(which, true) : pickDelivered(which, false);
    }

    function pickEnded(uint256 which) private view returns (bytes32 id) {
        uint256 count = jobIds.length;
        for (uint256 i; i < count; ++i) {
            id = jobIds[(which % count + i) % count];
            if (uint8(jobBooks[id].state) > uint8(JobState.Challenged)) return id;
        }
        vm.assume(false);
    }

    /// @return id A job in this state, and if so wanted before what follows of itself; or zero.
    function find(uint256 which, JobState state, bool inTime) internal view returns (bytes32) {
        uint256 count = jobIds.length;
        for (uint256 i; i < count; ++i) {
            bytes32 id = jobIds[(which % count + i) % count];
            JobBook storage j = jobBooks[id];
            uint256 end = state == JobState.Open ? j.terms.lateBy : j.since + j.window;
            if (j.state == state && (!inTime || block.timestamp < end)) return id;
        }
        return 0;
    }
}
