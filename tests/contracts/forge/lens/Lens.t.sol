// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogLens} from "../../../../contracts/FogLens.sol";
import {AccountView, ClassView, JobView, NetworkView, NodeView} from "../../../../contracts/interfaces/IFogLens.sol";
import {Delivery, JobState, Session, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {Bounds} from "../../../../contracts/interfaces/IFogPricing.sol";
import {Node} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract LensTest is BaseTest {
    function test_AccountsShowBalancesBondsVotesAndSeats() public {
        vm.startPrank(provider);
        stake.delegate(other);
        stake.unbond(1000e18);
        court.enlist(7);
        vm.stopPrank();
        bytes32 session = openSession(10e18);
        market.claim(session, 4e18, voucher(session, 4e18));

        address[] memory owners = new address[](2);
        (owners[0], owners[1]) = (provider, buyer);
        AccountView[] memory views = lens.accounts(owners);
        vm.assertEq(views[0].owner, provider);
        vm.assertEq(views[0].wallet, 0);
        vm.assertEq(views[0].free, net(4e18));
        vm.assertEq(views[0].fees, fee(4e18));
        vm.assertEq(views[0].bonded, 49_000e18);
        vm.assertEq(views[0].unbonding.length, 1);
        vm.assertEq(views[0].unbonding[0].amount, 1000e18);
        vm.assertEq(views[0].delegatee, other);
        vm.assertEq(views[0].votes, 0);
        vm.assertEq(views[0].seats, 7);
        vm.assertEq(views[1].wallet, 900e18);
        vm.assertEq(views[1].free, 90e18);
    }

    function test_NodesComeInPages() public {
        for (uint160 i = 1; i <= 5; ++i) {
            vm.prank(address(i));
            registry.register(node(bytes32(uint256(i))));
        }
        vm.assertEq(lens.nodes(0, 3).length, 3);
        NodeView[] memory rest = lens.nodes(3, 10);
        vm.assertEq(rest.length, 2);
        vm.assertEq(rest[0].owner, address(4));
        vm.assertEq(rest[0].record.nodeKey, bytes32(uint256(4)));
        vm.assertEq(rest[0].auditRate, 10_000);
        vm.assertEq(lens.nodes(5, 1).length, 0);
    }

    function test_JobsComeWithTheirCase() public {
        Terms memory t = terms();
        bytes32[] memory ids = new bytes32[](2);
        ids[0] = open(t);
        Delivery memory delivery = deliver(t);
        vm.prank(buyer);
        market.challenge(t, delivery);
        JobView[] memory views = lens.jobs(ids);
        vm.assertEq(views[0].id, ids[0]);
        vm.assertTrue(views[0].job.state == JobState.Challenged);
        vm.assertEq(views[0].court.finder, buyer);
        vm.assertEq(views[0].court.bond, t.price);
        vm.assertTrue(views[1].job.state == JobState.None);
        vm.assertEq(views[1].court.finder, address(0));
    }

    function test_Sessions() public {
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = openSession(10e18);
        Session[] memory found = lens.sessions(ids);
        vm.assertEq(found[0].cap, 10e18);
        vm.assertEq(found[0].feeBps, FEE);
    }

    function test_Classes() public {
        vm.assertEq(lens.classes().length, 0);
        vm.prank(timelock);
        pricing.addClass("cpu", 10, 1e18, 0.1e18, Bounds(0.1e18, 10e18, 0.01e18, 1e18));
        ClassView[] memory views = lens.classes();
        vm.assertEq(views.length, 1);
        vm.assertEq(views[0].name, "cpu");
        vm.assertEq(views[0].class.perGfuel, 1e18);
    }

    function test_NetworkAtOneGlance() public {
        openSession(10e18);
        NetworkView memory v = lens.network();
        vm.assertEq(v.supply, 1_000_000_000e18);
        vm.assertEq(v.escrow, 100e18);
        vm.assertEq(v.bonded, 50_000e18);
        vm.assertEq(v.parameters.feeBps, FEE);
        vm.assertEq(v.version, 1);
        vm.assertEq(v.stoppedUntil, 0);
    }

    function test_ZeroAddressIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogLens(address(0), address(registry));
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogLens(address(market), address(0));
    }

    function node(bytes32 key) private pure returns (Node memory n) {
        (n.nodeKey, n.nodeSignature, n.class, n.slots, n.capacity) = (key, new bytes(64), "cpu", 1, 10);
    }
}
