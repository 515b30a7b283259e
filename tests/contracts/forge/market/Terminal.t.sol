// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, JobState, Terms, Work} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

/// @notice What ended never comes back: nothing can be done with it, at any time, by anyone who ever could.
contract TerminalTest is MarketTest {
    Work private work;
    Terms private t;
    Delivery private d;

    function setUp() public override {
        super.setUp();
        appointJudge();
        address[] memory replicas = new address[](1);
        replicas[0] = provider;
        work = Work({spec: JOB, quorum: 1, replicas: replicas, salt: 1});
        t = terms();
        t.work = market.hashWork(work);
        open(t);
    }

    function test_Settled() public {
        vm.prank(buyer);
        market.settleSigned(t, t.price, "");
        absorbs(JobState.Settled);
    }

    function test_SettledByTheQuorum() public {
        market.settleQuorum(t, work, RESULT, 4e9, word());
        absorbs(JobState.Settled);
    }

    function test_SettledAfterDelivery() public {
        d = deliver(t);
        vm.warp(d.at + WINDOW);
        market.finalize(t, d);
        absorbs(JobState.Settled);
    }

    function test_Cancelled() public {
        vm.prank(buyer);
        market.cancel(t);
        absorbs(JobState.Cancelled);
    }

    function test_Expired() public {
        vm.warp(t.lateBy);
        market.expire(t);
        absorbs(JobState.Expired);
    }

    function test_Slashed() public {
        d = deliver(t);
        vm.startPrank(judge);
        market.challenge(t, d);
        market.rule(t, d, true, 20e18, other);
        vm.stopPrank();
        absorbs(JobState.Slashed);
    }

    function test_ClosedSession() public {
        bytes32 id = openSession(10e18);
        vm.prank(provider);
        market.closeSession(id);
        bytes memory signature = voucher(id, 5e18);
        uint40 expiry = inAnHour();
        bytes memory why = abi.encodeWithSelector(ErrorsLib.SessionNotOpen.selector, id);
        vm.expectRevert(why);
        market.claim(id, 5e18, signature);
        vm.startPrank(buyer);
        vm.expectRevert(why);
        market.topUp(id, 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SessionExists.selector, id));
        market.openSession(provider, 10e18, expiry, JOB);
        vm.stopPrank();
        vm.startPrank(provider);
        vm.expectRevert(why);
        market.closeSession(id);
        vm.expectRevert(why);
        market.claimAndClose(id, 5e18, signature);
        vm.stopPrank();
    }

    function absorbs(JobState state) private {
        uint256[3] memory times = [block.timestamp, t.lateBy, block.timestamp + 30 days];
        bytes32 id = market.hashTerms(t);
        bytes memory accepted = acceptance(id, 1e18);
        bytes memory agreed = sign(PROVIDER_KEY, id);
        bytes[] memory replicas = word();
        address[4] memory all = [buyer, provider, judge, other];
        uint96 before = market.free(buyer) + market.free(provider);
        for (uint256 i; i < 12; ++i) {
            if (times[i / 4] > block.timestamp) vm.warp(times[i / 4]);
            vm.startPrank(all[i % 4]);
            // Terms that can be opened no more for their time say so first.
            if (block.timestamp < t.due) {
                expectWrongState(id, state);
                market.open(t, agreed);
            } else {
                vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadTerms.selector, bytes32("times out of order")));
                market.open(t, agreed);
            }
            expectWrongState(id, state);
            market.deliver(t, RESULT, 4e9);
            expectWrongState(id, state);
            market.settleSigned(t, 1e18, accepted);
            expectWrongState(id, state);
            market.settleQuorum(t, work, RESULT, 4e9, replicas);
            expectWrongState(id, state);
            market.finalize(t, d);
            expectWrongState(id, state);
            market.cancel(t);
            expectWrongState(id, state);
            market.expire(t);
            expectWrongState(id, state);
            market.challenge(t, d);
            expectWrongState(id, state);
            market.rule(t, d, true, 1e18, other);
            vm.stopPrank();
        }
        vm.assertEq(market.free(buyer) + market.free(provider), before);
        assertState(id, state);
    }

    function word() private view returns (bytes[] memory signatures) {
        signatures = new bytes[](1);
        signatures[0] = sign(PROVIDER_KEY, market.hashReplica(market.hashTerms(t), RESULT, 4e9));
    }
}
