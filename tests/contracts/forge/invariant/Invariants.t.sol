// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Job, JobState, Parameters, Session} from "../../../../contracts/interfaces/IFogMarket.sol";
import {Unbonding} from "../../../../contracts/interfaces/IFogStake.sol";
import {MAX_VERDICT_TIME} from "../../../../contracts/libraries/ConstantsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {Everyone} from "./Everyone.sol";
import {JobBook} from "./Jobs.sol";
import {Replay} from "./Replay.sol";
import {Trial} from "./Trials.sol";
import {Contracts} from "./World.sol";

/// @notice What holds whatever anyone does. Numbers are those of docs/contracts.md.
/// @dev One campaign checks all: each further `invariant_` would be a campaign of its own.
contract InvariantsTest is BaseTest {
    Everyone private everyone;
    Replay private replay;
    address[] private people;

    function setUp() public override {
        replay = new Replay();
        vm.recordLogs();
        super.setUp();
        replay.follow(vm.getRecordedLogs());
        everyone = new Everyone(Contracts(token, stake, market, court, timelock, guardian), replay);
        people = everyone.everyone();

        vm.startPrank(treasury);
        for (uint256 i; i < people.length; ++i) {
            token.transfer(people[i], 200_000e18);
        }
        token.transfer(timelock, 10_000_000e18);
        vm.stopPrank();
        // Buyers have money in the market, providers and auditors bonds, auditors seats.
        for (uint256 i; i < 4; ++i) {
            everyone.deposit(i, 8 * 1000e18 + 1);
        }
        for (uint256 i = 3; i < 14; ++i) {
            everyone.bond(i, 8 * 20_000e18 + 1);
        }
        for (uint256 i = 6; i < 14; ++i) {
            everyone.enlist(i, 1 + i % 3);
        }
    }

    /// @dev Foundry asks which contracts to call.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(everyone);
    }

    function invariant_EverythingHolds() public view {
        check();
    }

    /// @dev At the end of each run: everyone leaves.
    function afterInvariant() public {
        leave();
    }

    /// @dev One long run of all actions. It shows that each of them comes about, and that the long run holds too.
    function test_EveryActionHappens() public {
        (string[] memory names, bytes4[] memory actions) = everyone.actions();
        uint256 state = 0xf09c;
        vm.pauseGasMetering();
        for (uint256 i; i < 2000; ++i) {
            state = uint256(keccak256(abi.encode(state)));
            act(actions[state % actions.length], state);
            // From outside: a call of its own leaves no memory behind.
            if (i % 50 == 0) this.check();
        }
        vm.assertGe(everyone.refused(), 1000, "attempts against the rules");
        vm.assertGe(everyone.verdicts(0), 1, "convictions");
        vm.assertGe(everyone.verdicts(1), 1, "acquittals");
        vm.assertGe(everyone.verdicts(2), 1, "cases without a verdict");
        vm.assertGe(everyone.verdicts(3), 1, "verdicts that came too late");
        for (uint256 i; i < actions.length; ++i) {
            vm.assertGe(everyone.done(actions[i]), 1, names[i]);
        }
        leave();
    }

    function act(bytes4 action, uint256 seed) private {
        bytes memory data = abi.encodePacked(
            action,
            keccak256(abi.encode(seed, 1)),
            keccak256(abi.encode(seed, 2)),
            keccak256(abi.encode(seed, 3)),
            keccak256(abi.encode(seed, 4))
        );
        (bool ok, bytes memory reason) = address(everyone).call(data);
        // Nothing to act on is no failure.
        if (ok || keccak256(reason) == keccak256("FOUNDRY::ASSUME")) return;
        assembly {
            revert(add(reason, 0x20), mload(reason))
        }
    }

    /* WHAT HOLDS */

    function check() public view {
        vm.assertEq(everyone.wrongs(), 0, everyone.wrong());
        checkMarket();
        checkJobs();
        checkSessions();
        checkStake();
        checkCourt();
        checkEvents();
    }

    /// @dev I1: the market holds what it owes, to the last unit. I2: each account has what the rules give it.
    function checkMarket() private view {
        uint256 owed = everyone.donated() + locked();
        for (uint256 i; i <= people.length; ++i) {
            address owner = i == people.length ? address(court) : people[i];
            (uint96 fees, uint64 volume) = market.withheld(owner);
            vm.assertEq(market.free(owner), everyone.free(owner), "I2: free");
            vm.assertEq(fees, everyone.fees(owner), "I2: fees kept back");
            vm.assertEq(volume, everyone.volume(owner), "I2: volume");
            owed += uint256(market.free(owner)) + fees;
        }
        // The buyer of BaseTest.
        owed += market.free(buyer);
        vm.assertEq(token.balanceOf(address(market)), owed, "I1: the market holds something else than it owes");
    }

    /// @dev The prices of jobs that did not end, and what open sessions can still pay.
    function locked() private view returns (uint256 sum) {
        bytes32[] memory ids = everyone.jobs();
        for (uint256 i; i < ids.length; ++i) {
            JobState state = market.job(ids[i]).state;
            if (!hasEnded(state)) sum += everyone.jobBook(ids[i]).terms.price;
        }
        ids = everyone.sessions();
        for (uint256 i; i < ids.length; ++i) {
            Session memory s = market.session(ids[i]);
            if (s.open) sum += s.cap - s.claimed;
        }
    }

    function checkJobs() private view {
        bytes32[] memory ids = everyone.jobs();
        for (uint256 i; i < ids.length; ++i) {
            JobBook memory j = everyone.jobBook(ids[i]);
            Job memory job = market.job(ids[i]);
            vm.assertEq(uint256(job.state), uint256(j.state), "I21: a job's state");
            vm.assertEq(job.since, j.since, "a job's time");
            vm.assertEq(job.number, j.number, "a job's block");
            vm.assertEq(job.version, j.version, "I8: a job's parameters");
            vm.assertEq(job.feeBps, j.feeBps, "I8: a job's fee");
            vm.assertLe(replay.deal(ids[i]).settlements, 1, "I3: paid twice");
            vm.assertLe(j.paid, j.terms.price, "I3: paid above its price");
            if (hasEnded(job.state)) vm.assertEq(j.paid + j.refund, j.terms.price, "I4: pay and refund");
        }
    }

    function checkSessions() private view {
        bytes32[] memory ids = everyone.sessions();
        for (uint256 i; i < ids.length; ++i) {
            Session memory s = market.session(ids[i]);
            // The book's `claimed` only grows: equality is that the contract's does.
            vm.assertTrue(same(s, everyone.sessionBook(ids[i])), "I5: a session");
            vm.assertLe(s.claimed, s.cap, "I5: claimed above the cap");
        }
    }

    function checkStake() private view {
        uint256 bonded;
        uint256 votes;
        uint256 delegated;
        uint256 leaving;
        uint256 rewards;
        for (uint256 i; i < people.length; ++i) {
            address owner = people[i];
            vm.assertEq(stake.bonded(owner), everyone.bonded(owner), "I9: a bond");
            vm.assertEq(stake.slashable(owner), everyone.bonded(owner) + everyone.leaving(owner), "I10: what answers");
            bonded += stake.bonded(owner);
            leaving += everyone.leaving(owner);
            votes += stake.getVotes(owner);
            if (stake.delegates(owner) != address(0)) delegated += stake.bonded(owner);
            rewards += stake.rewardsOf(owner);
        }
        // The provider of BaseTest, who delegated to nobody.
        bonded += stake.bonded(provider);
        rewards += stake.rewardsOf(provider);
        vm.assertEq(stake.totalBonded(), bonded, "I9: the sum of bonds");
        vm.assertEq(votes, delegated, "I9: votes are the bonds of who delegated");
        (uint96 rate, uint40 end) = stake.stream();
        uint256 streaming = rate == 0 ? 0 : uint256(rate) * (end - block.timestamp);
        vm.assertGe(
            token.balanceOf(address(stake)), bonded + leaving + rewards + streaming, "I12: rewards exceed tokens"
        );
        for (uint256 version = 1; version <= everyone.versionCount(); ++version) {
            uint256 answering = market.parametersOf(uint16(version)).challengeWindow + MAX_VERDICT_TIME;
            vm.assertGe(stake.unbondingPeriod(), answering, "I11: a bond leaves before it has answered");
        }
    }

    function checkCourt() private view {
        uint256 seats;
        uint256 earned;
        for (uint256 i; i < people.length; ++i) {
            vm.assertEq(court.seatsOf(people[i]), everyone.seats(people[i]), "seats");
            vm.assertEq(court.earned(people[i]), everyone.earned(people[i]), "an auditor's pay");
            seats += court.seatsOf(people[i]);
            earned += court.earned(people[i]);
        }
        vm.assertEq(court.seatCount(), seats, "the sum of seats");
        vm.assertEq(court.pool() + earned, token.balanceOf(address(court)), "the court holds what auditors earned");
        bytes32[] memory ids = everyone.trials();
        uint256 bonds;
        for (uint256 i; i < ids.length; ++i) {
            Trial memory t = everyone.trialBook(ids[i]);
            vm.assertTrue(court.caseOf(ids[i]).closed == t.closed, "a case");
            vm.assertEq(court.caseOf(ids[i]).verdictBy, t.verdictBy, "I6: a case's deadline");
            vm.assertEq(court.caseOf(ids[i]).round, t.round, "a case's round");
            if (!t.closed) bonds += t.bond;
            checkCommittee(ids[i], t);
        }
        vm.assertEq(market.free(address(court)), bonds, "the court has the bonds of open cases");
    }

    /// @dev I13
    function checkCommittee(bytes32 id, Trial memory t) private view {
        JobBook memory j = everyone.jobBook(id);
        for (uint8 round; round <= t.round; ++round) {
            address[] memory members = everyone.memberOf(id, round);
            if (members.length != 0) vm.assertEq(members.length, 3 + 2 * uint256(round), "a committee's size");
            for (uint256 i; i < members.length; ++i) {
                vm.assertTrue(members[i] != j.terms.buyer && members[i] != j.terms.provider, "I13: a party judged");
                vm.assertTrue(members[i] != t.finder, "I13: the finder judged");
                for (uint256 k; k < i; ++k) {
                    vm.assertTrue(members[i] != members[k], "I13: a member sat twice");
                }
            }
        }
    }

    /* EVENTS */

    /// @dev I20
    function checkEvents() private view {
        for (uint256 i; i <= people.length; ++i) {
            address owner = i == people.length ? address(court) : people[i];
            (uint96 fees, uint64 volume) = market.withheld(owner);
            vm.assertEq(replay.free(owner), market.free(owner), "I20: free");
            vm.assertEq(replay.fees(owner), fees, "I20: fees");
            vm.assertEq(replay.volume(owner), volume, "I20: volume");
            vm.assertEq(replay.bonded(owner), stake.bonded(owner), "I20: a bond");
            vm.assertTrue(same(replay.unbonding(owner), stake.unbonding(owner)), "I20: an unbonding queue");
            vm.assertEq(replay.seats(owner), court.seatsOf(owner), "I20: seats");
            vm.assertEq(replay.earned(owner), court.earned(owner), "I20: an auditor's pay");
        }
        vm.assertEq(replay.totalBonded(), stake.totalBonded(), "I20: the sum of bonds");
        (Parameters memory parameters, uint16 version, uint40 stoppedUntil) = market.current();
        vm.assertEq(replay.version(), version, "I20: version");
        vm.assertEq(hash(replay.parameters(version)), hash(parameters), "I20: parameters");
        vm.assertEq(replay.stoppedUntil(), stoppedUntil, "I20: stop");
        vm.assertEq(replay.pricing(), market.pricing());

        bytes32[] memory ids = everyone.jobs();
        for (uint256 i; i < ids.length; ++i) {
            vm.assertEq(
                keccak256(abi.encode(replay.deal(ids[i]).job)), keccak256(abi.encode(market.job(ids[i]))), "I20: a job"
            );
        }
        ids = everyone.sessions();
        for (uint256 i; i < ids.length; ++i) {
            vm.assertTrue(same(replay.session(ids[i]), market.session(ids[i])), "I20: a session");
        }
        ids = everyone.trials();
        for (uint256 i; i < ids.length; ++i) {
            checkHearing(ids[i]);
        }
    }

    function checkHearing(bytes32 id) private view {
        Replay.Hearing memory h = replay.hearing(id);
        Replay.Hearing memory c = Replay.Hearing({
            finder: court.caseOf(id).finder,
            provider: court.caseOf(id).provider,
            bond: court.caseOf(id).bond,
            verdictBy: court.caseOf(id).verdictBy,
            commitBy: court.caseOf(id).commitBy,
            revealBy: court.caseOf(id).revealBy,
            seedBlock: court.caseOf(id).seedBlock,
            round: court.caseOf(id).round,
            closed: court.caseOf(id).closed
        });
        vm.assertEq(keccak256(abi.encode(h)), keccak256(abi.encode(c)), "I20: a case");
    }

    /* LEAVING */

    /// @dev I6: after its deadline a stranger ends whatever did not end; then all take out what is theirs, and nothing
    /// is left but what nobody owns. I7: not even a stop holds that up.
    function leave() private {
        address stranger = address(0x57A);
        vm.warp(block.timestamp + 366 days);
        vm.roll(block.number + 1000);
        vm.startPrank(stranger);
        bytes32[] memory ids = everyone.trials();
        for (uint256 i; i < ids.length; ++i) {
            JobBook memory j = everyone.jobBook(ids[i]);
            if (!everyone.trialBook(ids[i]).closed) court.close(j.terms, j.delivery);
        }
        ids = everyone.jobs();
        for (uint256 i; i < ids.length; ++i) {
            JobBook memory j = everyone.jobBook(ids[i]);
            JobState state = market.job(ids[i]).state;
            if (state == JobState.Open) market.expire(j.terms);
            else if (!hasEnded(state)) market.finalize(j.terms, j.delivery);
        }
        ids = everyone.sessions();
        for (uint256 i; i < ids.length; ++i) {
            if (market.session(ids[i]).open) market.closeSession(ids[i]);
        }
        market.collectFees(people);
        vm.stopPrank();
        for (uint256 i; i < people.length; ++i) {
            leave(people[i]);
        }
        leave(buyer);
        leave(provider);
        vm.assertEq(token.balanceOf(address(market)), everyone.donated(), "I6: the market kept something");
        vm.assertEq(stake.totalBonded(), 0, "I6: a bond is left");
        vm.assertEq(token.balanceOf(address(court)), court.pool(), "I6: the court kept an auditor's pay");
    }

    function leave(address owner) private {
        vm.startPrank(owner);
        if (market.free(owner) != 0) market.withdraw(market.free(owner));
        if (court.earned(owner) != 0) court.collect();
        if (stake.rewardsOf(owner) != 0) stake.claimRewards();
        if (stake.unbonding(owner).length != 0) stake.withdraw();
        if (stake.bonded(owner) != 0) {
            stake.unbond(stake.bonded(owner));
            vm.warp(block.timestamp + stake.unbondingPeriod());
            stake.withdraw();
        }
        vm.stopPrank();
    }

    /* INTERNAL */

    function hasEnded(JobState state) private pure returns (bool) {
        return state != JobState.Open && state != JobState.Delivered && state != JobState.Challenged;
    }

    function same(Session memory a, Session memory b) private pure returns (bool) {
        return keccak256(abi.encode(a)) == keccak256(abi.encode(b));
    }

    function same(Unbonding[] memory a, Unbonding[] memory b) private pure returns (bool) {
        return keccak256(abi.encode(a)) == keccak256(abi.encode(b));
    }

    function hash(Parameters memory p) private pure returns (bytes32) {
        return keccak256(abi.encode(p));
    }
}
