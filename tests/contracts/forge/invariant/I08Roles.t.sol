// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogCourt} from "../../../../contracts/FogCourt.sol";
import {Delivery, JobState, Parameters, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "../market/MarketTest.sol";

/// @notice I8: no role moves what is somebody's, or changes what is open.
contract I08RolesTest is MarketTest {
    /// @dev Whatever the timelock and the guardian set after a job and a session were opened, both end as they would
    /// have: by the same court, window and fee.
    function testFuzz_WhatIsOpenEndsByItsOwnTerms(uint256 seed) public {
        Terms memory t = terms();
        bytes32 id = open(t);
        bytes32 session = openSession(10e18);
        Delivery memory d = deliver(t);

        FogCourt another = new FogCourt(address(market), address(stake), timelock, address(token), courtParameters());
        vm.startPrank(timelock);
        market.setParameters(
            Parameters({
                court: address(another),
                challengeWindow: uint32(bound(seed, 10 minutes, 3 days)),
                feeBps: uint16(bound(seed >> 32, 0, 300)),
                bondMultiple: uint16(bound(seed >> 64, 1, 100))
            })
        );
        market.setPricing(address(uint160(seed)));
        vm.stopPrank();
        vm.prank(guardian);
        market.stop(uint40(block.timestamp + 14 days));

        vm.assertEq(market.courtOf(id), address(court));
        vm.warp(d.at + WINDOW - 1);
        vm.expectRevert();
        market.finalize(t, d);
        vm.warp(d.at + WINDOW);
        market.finalize(t, d);
        market.claim(session, 10e18, voucher(session, 10e18));
        vm.assertEq(market.free(provider), net(4e18) + net(10e18));
        assertState(id, JobState.Settled);
    }

    /// @dev The court that replaces another has no say in what was opened before.
    function test_LaterCourtHasNoSay() public {
        Terms memory t = terms();
        open(t);
        Delivery memory d = deliver(t);
        appointJudge();
        vm.startPrank(judge);
        vm.expectRevert();
        market.challenge(t, d);
        vm.expectRevert();
        market.rule(t, d, true, 1e18, judge);
        vm.stopPrank();
    }

    /// @dev There is no other way: what the roles can call is all that is in the market's and the stake's interface for
    /// them, and with any arguments it leaves every balance and bond as it was.
    function testFuzz_RolesMoveNoBalance(uint8 which, uint8 role, uint256 seed) public {
        openSession(10e18);
        address[3] memory roles = [timelock, guardian, treasury];
        bytes[4] memory calls = [
            abi.encodeCall(market.setParameters, (parameters(address(uint160(seed | 1))))),
            abi.encodeCall(market.setPricing, (address(uint160(seed)))),
            abi.encodeCall(market.stop, (uint40(bound(seed, block.timestamp, block.timestamp + 14 days)))),
            abi.encodeCall(market.withdraw, (uint96(bound(seed, 1, type(uint96).max))))
        ];
        bytes32 before = state();
        vm.prank(roles[role % 3]);
        (bool ok,) = address(market).call(calls[which % 4]);
        vm.assertTrue(!ok || which % 4 != 3, "a role withdrew");
        vm.assertEq(state(), before, "a role moved something");
    }

    function state() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                market.free(buyer),
                market.free(provider),
                stake.slashable(provider),
                token.balanceOf(address(market)),
                token.balanceOf(address(stake)),
                market.session(market.sessionId(buyer, provider, JOB))
            )
        );
    }
}
