// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Case} from "../../../../contracts/interfaces/IFogCourt.sol";
import {JobState} from "../../../../contracts/interfaces/IFogMarket.sol";
import {bound, vm} from "../Vm.sol";
import {Bonds} from "./Bonds.sol";
import {JobBook} from "./Jobs.sol";

/// @notice What a case must be, by the rules.
/// @param bond What the challenger put up.
/// @param slashMultiple As it was when the case was opened.
/// @param round The committee's number; its members are in `members`.
struct Trial {
    address finder;
    uint256 bond;
    uint256 slashMultiple;
    uint40 verdictBy;
    uint8 round;
    bool drawn;
    bool closed;
}

/// @notice Auditors, and cases from the challenge to the verdict.
/// @dev An answer is a number: 0 the truth, 1 and 2 two lies. What was delivered is 0, 1 or 2 too.
abstract contract Trials is Bonds {
    bytes32[] internal trialIds;
    mapping(bytes32 id => Trial) internal trialBooks;
    mapping(bytes32 id => mapping(uint8 round => address[])) internal members;
    mapping(bytes32 id => mapping(uint8 round => mapping(address member => uint256 answer))) private committed;
    mapping(bytes32 id => mapping(uint8 round => mapping(address member => bool))) private revealed;
    mapping(bytes32 id => mapping(uint8 round => uint256[3])) private votes;

    /// @notice What an auditor must be able to collect, and the seats he must have.
    mapping(address auditor => uint256) public earned;
    mapping(address auditor => uint256) public seats;

    /// @notice How many cases ended so: convicted, acquitted by a committee, acquitted for want of a verdict, too late.
    uint256[4] public verdicts;

    function trials() external view returns (bytes32[] memory) {
        return trialIds;
    }

    function trialBook(bytes32 id) external view returns (Trial memory) {
        return trialBooks[id];
    }

    function memberOf(bytes32 id, uint8 round) external view returns (address[] memory) {
        return members[id][round];
    }

    /* AUDITORS */

    function enlist(uint256 who, uint256 count) external acts {
        address owner = anyone(who);
        uint256 most = bonded[owner] / courtRules.seatBond;
        bytes memory data = abi.encodeCall(court.enlist, (uint16(most + 1)));
        forbid(owner, address(court), data, "more seats than the bond covers");
        // Seldom none, and seldom all: else a greater bond for a seat would empty the court.
        count = count % 8 == 0 ? 0 : bound(count, 0, most / 2 < 64 ? most / 2 : 64);
        vm.prank(owner);
        court.enlist(uint16(count));
        seats[owner] = count;
    }

    /// @dev Sometimes the auditor's bond shrinks first, so that it no longer covers his seats.
    function evict(uint256 who, uint256 seed) external acts {
        address owner = auditor(who);
        uint256 needed = seats[owner] * courtRules.seatBond;
        if (bonded[owner] >= needed) {
            bytes memory data = abi.encodeCall(court.evict, (owner));
            forbid(people[14], address(court), data, "an auditor whose bond covers its seats lost them");
            if (needed == 0 || seed % 4 != 0 || stake.unbonding(owner).length == 32) {
                merelyTried = true;
                return;
            }
            unbondOne(owner, bonded[owner] - needed + 1);
        }
        court.evict(owner);
        seats[owner] = 0;
    }

    function collect(uint256 who) external acts {
        for (uint256 i; i < PEOPLE; ++i) {
            address owner = anyone(who % PEOPLE + i);
            if (earned[owner] == 0) continue;
            uint256 had = token.balanceOf(owner);
            vm.prank(owner);
            court.collect();
            vm.assertEq(token.balanceOf(owner) - had, earned[owner], "an auditor's pay");
            earned[owner] = 0;
            return;
        }
        vm.assume(false);
    }

    /* CASES */

    function challenge(uint256 which, uint256 seed) external acts {
        challengeOne(pickDelivered(which, true), seed);
    }

    /// @dev A provider without a record is always audited; with one the block after the delivery draws.
    function audit(uint256 which, uint256 by) external acts {
        bytes32 id = pickDelivered(which, true);
        JobBook storage j = jobBooks[id];
        bytes memory data = abi.encodeCall(court.audit, (j.terms, j.delivery));
        if (block.number <= j.number + 1) {
            forbid(anyone(by), address(court), data, "an audit before its block");
            vm.roll(j.number + 2);
        }
        if (!court.isDrawn(id, j.terms.provider)) {
            forbid(anyone(by), address(court), data, "an audit that was not drawn");
            merelyTried = true;
            return;
        }
        vm.prank(anyone(by));
        court.audit(j.terms, j.delivery);
        enter(j, JobState.Challenged);
        begin(id, anyone(by), 0);
    }

    /// @dev Takes a case some steps on: its committee is drawn, all commit, all reveal, it is closed.
    function proceed(uint256 which, uint256 seed) external acts {
        (bytes32 id, Trial storage t) = pickTrial(which);
        for (uint256 i; i <= seed % 4 && !t.closed; ++i) {
            Case memory c = court.caseOf(id);
            if (!t.drawn && block.timestamp < t.verdictBy) draw(id, t, c);
            else if (t.drawn && block.timestamp < c.commitBy && !allCommitted(id, t)) commitAll(id, t, mix(seed, i));
            else if (t.drawn && block.timestamp < c.revealBy && c.revealed == 0) revealAll(id, t, c, mix(seed, i));
            else close(id, t, c);
        }
    }

    /// @dev One member alone commits to something, and is held to it.
    function commitOne(uint256 which, uint256 seed) external acts {
        (bytes32 id, Trial storage t) = pickTrial(which);
        Case memory c = court.caseOf(id);
        if (!t.drawn && block.timestamp < t.verdictBy) {
            draw(id, t, c);
            c = court.caseOf(id);
        }
        vm.assume(t.drawn && block.timestamp < c.commitBy);
        address member = members[id][t.round][seed % members[id][t.round].length];
        if (committed[id][t.round][member] == 0) commit(id, t, member, mix(seed, 0) % 3);
        bytes memory data = abi.encodeCall(court.commit, (id, "another"));
        forbid(member, address(court), data, "I14: a member changed its mind");
        (bytes32 result, uint64 fuel, bytes32 salt) = answer(id, member, committed[id][t.round][member] - 1);
        data = abi.encodeCall(court.reveal, (id, result, fuel, salt));
        forbid(member, address(court), data, "I14: revealed before all had committed");
        forbid(
            people[14], address(court), abi.encodeCall(court.commit, (id, "mine")), "a stranger sat in the committee"
        );
    }

    /// @dev What can't be: a verdict before its time, a reveal that is late, of another's answer or of another answer.
    function pervert(uint256 which, uint256 seed) external acts {
        (bytes32 id, Trial storage t) = pickTrial(which);
        Case memory c = court.caseOf(id);
        JobBook storage j = jobBooks[id];
        bytes memory data = abi.encodeCall(court.close, (j.terms, j.delivery));
        bool over = t.drawn && (block.timestamp >= c.revealBy || c.revealed == members[id][t.round].length);
        if (!over && block.timestamp < t.verdictBy) {
            forbid(anyone(seed), address(court), data, "I15: a case was closed before its time");
        }
        data = abi.encodeCall(market.rule, (j.terms, j.delivery, true, 1, people[14]));
        forbid(anyone(seed), address(market), data, "I8: somebody ruled who is not the court");
        if (!t.drawn) return;
        address member = members[id][t.round][seed % members[id][t.round].length];
        uint256 promised = committed[id][t.round][member];
        (bytes32 result, uint64 fuel, bytes32 salt) = answer(id, member, promised % 3);
        data = abi.encodeCall(court.reveal, (id, result, fuel, salt));
        forbid(member, address(court), data, "I14: revealed something else than committed");
        if (block.timestamp < c.revealBy || promised == 0) return;
        (result, fuel, salt) = answer(id, member, promised - 1);
        data = abi.encodeCall(court.reveal, (id, result, fuel, salt));
        forbid(member, address(court), data, "I14: a late reveal counted");
    }

    /// @dev The court is silent: anyone ends the job, and the provider is paid.
    function outlast(uint256 which, uint256 by) external acts {
        bytes32 id = find(which, JobState.Challenged, false);
        if (id == 0) id = challengeOne(pickDelivered(which, true), by);
        JobBook storage j = jobBooks[id];
        bytes memory data = abi.encodeCall(market.finalize, (j.terms, j.delivery));
        if (block.timestamp < j.since + 3 days) {
            forbid(j.terms.provider, address(market), data, "I15: paid while the court had time");
            // Seldom: it ends every other deadline too.
            vm.assume(by % 4 == 0);
            passTo(j.since + 3 days);
        }
        vm.prank(anyone(by));
        market.finalize(j.terms, j.delivery);
        settle(j, owed(j.terms, j.delivery.fuel, j.delivery.at));
    }

    /* STEPS */

    function challengeOne(bytes32 id, uint256 seed) private returns (bytes32) {
        JobBook storage j = jobBooks[id];
        vm.assume(free[j.terms.buyer] >= j.terms.price);
        bytes memory data = abi.encodeCall(market.challenge, (j.terms, j.delivery));
        address stranger = anyone(seed);
        if (stranger != j.terms.buyer) forbid(stranger, address(market), data, "somebody else challenged");
        vm.prank(j.terms.buyer);
        market.challenge(j.terms, j.delivery);
        free[j.terms.buyer] -= j.terms.price;
        free[address(court)] += j.terms.price;
        enter(j, JobState.Challenged);
        begin(id, j.terms.buyer, j.terms.price);
        return id;
    }

    function begin(bytes32 id, address finder, uint256 bond_) private {
        trialIds.push(id);
        trialBooks[id] = Trial({
            finder: finder,
            bond: bond_,
            slashMultiple: courtRules.slashMultiple,
            verdictBy: uint40(block.timestamp + 6 * (uint256(courtRules.commitTime) + courtRules.revealTime)),
            round: 0,
            drawn: false,
            closed: false
        });
    }

    function draw(bytes32 id, Trial storage t, Case memory c) private {
        if (block.number <= c.seedBlock) {
            forbid(people[14], address(court), abi.encodeCall(court.draw, (id)), "drawn before its block");
            vm.roll(c.seedBlock + 1);
        }
        court.draw(id);
        members[id][t.round] = court.committee(id, t.round);
        t.drawn = members[id][t.round].length != 0;
        // Not drawn: the block was too old, or too few have seats. Then there is a new block.
        if (!t.drawn) vm.assertEq(court.caseOf(id).seedBlock, block.number + 1, "a new block is named");
    }

    function commitAll(bytes32 id, Trial storage t, uint256 seed) private {
        address[] storage all = members[id][t.round];
        // Mostly all know the truth; sometimes there are colluders, and some who are silent.
        uint256 honesty = seed % 3;
        for (uint256 i; i < all.length; ++i) {
            uint256 dice = mix(seed, i) % 8;
            if (committed[id][t.round][all[i]] != 0 || (honesty == 2 && dice == 7)) continue;
            commit(id, t, all[i], honesty == 0 || dice < 3 ? 0 : honesty == 1 ? 1 : dice % 3);
        }
    }

    function commit(bytes32 id, Trial storage t, address member, uint256 what) private {
        (bytes32 result, uint64 fuel, bytes32 salt) = answer(id, member, what);
        bytes32 hash = court.hashCommitment(id, member, result, fuel, salt);
        vm.prank(member);
        court.commit(id, hash);
        committed[id][t.round][member] = what + 1;
    }

    function revealAll(bytes32 id, Trial storage t, Case memory c, uint256 seed) private {
        passTo(c.commitBy);
        address[] storage all = members[id][t.round];
        for (uint256 i; i < all.length; ++i) {
            uint256 promised = committed[id][t.round][all[i]];
            if (promised == 0 || mix(seed, i) % 16 == 0) continue;
            (bytes32 result, uint64 fuel, bytes32 salt) = answer(id, all[i], promised - 1);
            bytes memory data = abi.encodeCall(court.reveal, (id, result, fuel, salt));
            forbid(people[14], address(court), data, "I14: a stranger revealed");
            vm.prank(all[i]);
            court.reveal(id, result, fuel, salt);
            revealed[id][t.round][all[i]] = true;
            ++votes[id][t.round][promised - 1];
            forbid(all[i], address(court), data, "I14: revealed twice");
        }
    }

    /* VERDICTS */

    /// @dev What is before a verdict.
    struct Before {
        uint256 supply;
        uint256 bond;
        uint256 finder;
        uint256 victim;
        uint256 court;
        uint256 pool;
    }

    function close(bytes32 id, Trial storage t, Case memory c) private {
        uint256 size = members[id][t.round].length;
        if (t.drawn && c.revealed < size) passTo(c.revealBy);
        JobBook storage j = jobBooks[id];
        Before memory b = before(t, j);
        court.close(j.terms, j.delivery);

        if (t.drawn) {
            for (uint256 i; i < size; ++i) {
                if (!revealed[id][t.round][members[id][t.round][i]]) seats[members[id][t.round][i]] = 0;
            }
        }
        uint256 delivered = deliveredAs(id, j);
        uint256[3] storage v = votes[id][t.round];
        uint256 lie = v[(delivered + 1) % 3] > v[(delivered + 2) % 3] ? (delivered + 1) % 3 : (delivered + 2) % 3;
        if (t.drawn && 2 * v[delivered] > size) acquit(id, t, j, b, delivered);
        else if (t.drawn && 3 * v[lie] > 2 * size) convict(id, t, j, b, lie);
        else if (block.timestamp >= t.verdictBy || t.round == 2) release(t, j, b);
        else (t.round, t.drawn) = (t.round + 1, false);
    }

    function convict(bytes32 id, Trial storage t, JobBook storage j, Before memory b, uint256 what) private {
        uint256 each = b.pool / (2 * votes[id][t.round][what]);
        payMembers(id, t, what, j.terms.price < each ? j.terms.price : each);
        end(t, 0);
        if (!judged(j)) {
            vm.assertEq(stake.slashable(j.terms.provider), b.bond, "I15: slashed after the time for a verdict");
            return;
        }
        enter(j, JobState.Slashed);
        giveBack(j, j.terms.price);

        // I10: the victim first, up to the price; of the rest a quarter to the finder; the remainder is burnt.
        uint256 slash = uint256(j.terms.price) * t.slashMultiple;
        if (slash > b.bond) slash = b.bond;
        uint256 toVictim = slash < j.terms.price ? slash : j.terms.price;
        bool party = t.finder == j.terms.buyer || t.finder == j.terms.provider;
        uint256 toFinder = party ? 0 : (slash - toVictim) / 4;
        vm.assertEq(b.bond - stake.slashable(j.terms.provider), slash, "I10: what the bond lost");
        vm.assertEq(b.supply - token.totalSupply(), slash - toVictim - toFinder, "I10: what was burnt");
        uint256 back = t.finder == j.terms.buyer ? t.bond : 0;
        vm.assertEq(token.balanceOf(j.terms.buyer) - b.victim, toVictim + back, "I10: what the victim has");
        if (!party) vm.assertEq(token.balanceOf(t.finder) - b.finder, toFinder, "I10: what the finder has");
        seized(j.terms.provider, slash);
    }

    function acquit(bytes32 id, Trial storage t, JobBook storage j, Before memory b, uint256 what) private {
        uint256 count = votes[id][t.round][what];
        uint256 each = b.pool / (2 * count);
        uint256 wage = uint256(j.terms.price) * j.feeBps / 10_000;
        payMembers(id, t, what, t.bond != 0 ? t.bond / count : wage < each ? wage : each);
        end(t, 1);
        vm.assertEq(token.balanceOf(address(court)) - b.court, t.bond, "a challenge that failed costs its bond");
        unpunished(j, b);
    }

    function release(Trial storage t, JobBook storage j, Before memory b) private {
        end(t, 2);
        if (t.bond != 0) {
            vm.assertEq(token.balanceOf(t.finder) - b.finder, t.bond, "I15: the challenger has his bond back");
        }
        unpunished(j, b);
    }

    /// @dev I15
    function unpunished(JobBook storage j, Before memory b) private {
        vm.assertEq(stake.slashable(j.terms.provider), b.bond, "I15: slashed without a verdict");
        vm.assertEq(token.totalSupply(), b.supply, "I15: burnt without a verdict");
        if (judged(j)) settle(j, owed(j.terms, j.delivery.fuel, j.delivery.at));
    }

    /// @dev Whether the job waited for the verdict: after three days anyone may have ended it.
    function judged(JobBook storage j) private returns (bool) {
        if (j.state == JobState.Challenged) return true;
        ++verdicts[3];
        return false;
    }

    function end(Trial storage t, uint256 how) private {
        t.closed = true;
        free[address(court)] -= t.bond;
        ++verdicts[how];
    }

    function payMembers(bytes32 id, Trial storage t, uint256 what, uint256 pay) private {
        address[] storage all = members[id][t.round];
        for (uint256 i; i < all.length; ++i) {
            if (revealed[id][t.round][all[i]] && committed[id][t.round][all[i]] == what + 1) earned[all[i]] += pay;
        }
    }

    function before(Trial storage t, JobBook storage j) private view returns (Before memory) {
        return Before({
            supply: token.totalSupply(),
            bond: stake.slashable(j.terms.provider),
            finder: token.balanceOf(t.finder),
            victim: token.balanceOf(j.terms.buyer),
            court: token.balanceOf(address(court)),
            pool: court.pool()
        });
    }

    /* ANSWERS */

    function answer(bytes32 id, address member, uint256 what)
        private
        pure
        returns (bytes32 result, uint64 fuel, bytes32 salt)
    {
        (result, fuel) = truth(id);
        if (what == 1) result = "lie";
        else if (what == 2) fuel += 1e9;
        salt = keccak256(abi.encode(id, member));
    }

    function deliveredAs(bytes32 id, JobBook storage j) private view returns (uint256) {
        (bytes32 result, uint64 fuel) = truth(id);
        return j.delivery.result != result ? 1 : j.delivery.fuel != fuel ? 2 : 0;
    }

    function allCommitted(bytes32 id, Trial storage t) private view returns (bool) {
        address[] storage all = members[id][t.round];
        for (uint256 i; i < all.length; ++i) {
            if (committed[id][t.round][all[i]] == 0) return false;
        }
        return true;
    }

    /* INTERNAL */

    /// @dev An open case; if there is none, a new one.
    function pickTrial(uint256 which) private returns (bytes32 id, Trial storage t) {
        uint256 count = trialIds.length;
        for (uint256 i; i < count; ++i) {
            id = trialIds[(which % count + i) % count];
            t = trialBooks[id];
            if (!t.closed) return (id, t);
        }
        id = challengeOne(pickDelivered(which, true), which);
        t = trialBooks[id];
    }
}
