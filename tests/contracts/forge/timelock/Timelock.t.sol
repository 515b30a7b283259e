// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogTimelock} from "../../../../contracts/FogTimelock.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {vm} from "../Vm.sol";
import {Dial} from "../mocks/Dial.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @notice This contract is the governor.
contract TimelockTest {
    address private constant stranger = address(0x57);
    bytes32 private constant SALT = keccak256("salt");

    FogTimelock private timelock;
    Dial private dial;
    bytes private call_ = abi.encodeCall(Dial.turn, (7));

    function setUp() public {
        vm.warp(1_800_000_000);
        timelock = new FogTimelock(2 days, address(this));
        dial = new Dial(address(timelock));
    }

    function schedule(bytes memory data) private returns (bytes32) {
        timelock.schedule(address(dial), 0, data, 0, SALT, 2 days);
        return timelock.hashOperation(address(dial), 0, data, 0, SALT);
    }

    function execute() private {
        vm.prank(stranger);
        timelock.execute(address(dial), 0, call_, 0, SALT);
    }

    function expectNotReady(bytes32 id) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                TimelockController.TimelockUnexpectedOperationState.selector,
                id,
                bytes32(1 << uint256(TimelockController.OperationState.Ready))
            )
        );
    }

    /* VIEWS */

    function test_AnOperationIsNothingThenWaitsThenIsReadyThenDone() public {
        bytes32 id = timelock.hashOperation(address(dial), 0, call_, 0, SALT);
        vm.assertEq(uint8(timelock.getOperationState(id)), uint8(TimelockController.OperationState.Unset));
        schedule(call_);
        vm.assertEq(uint8(timelock.getOperationState(id)), uint8(TimelockController.OperationState.Waiting));
        vm.warp(block.timestamp + 2 days);
        vm.assertEq(uint8(timelock.getOperationState(id)), uint8(TimelockController.OperationState.Ready));
        execute();
        vm.assertEq(uint8(timelock.getOperationState(id)), uint8(TimelockController.OperationState.Done));
    }

    /* CONSTRUCTOR */

    function test_TheGovernorAloneQueuesAndCancelsAndNobodyAdministers() public view {
        vm.assertEq(timelock.getMinDelay(), 2 days);
        vm.assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), address(this)));
        vm.assertTrue(timelock.hasRole(timelock.CANCELLER_ROLE(), address(this)));
        vm.assertTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(0)));
        vm.assertFalse(timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), address(this)));
        vm.assertFalse(timelock.hasRole(timelock.PROPOSER_ROLE(), address(0)));
    }

    function test_NoDelayOrMoreThanAMonthIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("delay"), 0));
        new FogTimelock(0, address(this));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("delay"), 30 days + 1));
        new FogTimelock(30 days + 1, address(this));
        vm.assertEq(new FogTimelock(30 days, address(this)).getMinDelay(), 30 days);
    }

    function test_NobodyAsGovernorIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogTimelock(2 days, address(0));
    }

    /* EXECUTION */

    function test_AnyoneExecutesFromTheDelayOn() public {
        bytes32 id = schedule(call_);
        vm.warp(block.timestamp + 2 days - 1);
        expectNotReady(id);
        execute();
        vm.warp(block.timestamp + 1);
        execute();
        vm.assertEq(dial.position(), 7);
        vm.assertTrue(timelock.isOperationDone(id));
    }

    function test_NobodyExecutesWhatHasLapsed() public {
        bytes32 id = schedule(call_);
        vm.warp(block.timestamp + 16 days - 1);
        vm.assertTrue(timelock.isOperationReady(id));
        vm.warp(block.timestamp + 1);
        vm.assertFalse(timelock.isOperationReady(id));
        expectNotReady(id);
        execute();
        vm.assertEq(dial.position(), 0);
    }

    function test_StrangersDoNotQueue() public {
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, stranger, timelock.PROPOSER_ROLE()
        );
        vm.expectRevert(refusal);
        vm.prank(stranger);
        timelock.schedule(address(dial), 0, call_, 0, SALT, 2 days);
    }

    /* FOR EVER */

    function refused(bytes memory data) private {
        timelock.schedule(address(timelock), 0, data, 0, SALT, 2 days);
        vm.warp(block.timestamp + 2 days);
        vm.expectRevert(ErrorsLib.Fixed.selector);
        timelock.execute(address(timelock), 0, data, 0, SALT);
    }

    function test_NotEvenAVoteChangesTheDelay() public {
        refused(abi.encodeCall(timelock.updateDelay, (1)));
        vm.assertEq(timelock.getMinDelay(), 2 days);
    }

    function test_NotEvenAVoteChangesWhoQueues() public {
        bytes32 role = timelock.PROPOSER_ROLE();
        refused(abi.encodeCall(timelock.grantRole, (role, stranger)));
        vm.assertFalse(timelock.hasRole(role, stranger));
        refused(abi.encodeCall(timelock.revokeRole, (role, address(this))));
        vm.assertTrue(timelock.hasRole(role, address(this)));
    }

    function test_TheGovernorDoesNotGiveItUp() public {
        bytes32 role = timelock.PROPOSER_ROLE();
        vm.expectRevert(ErrorsLib.Fixed.selector);
        timelock.renounceRole(role, address(this));
        vm.assertTrue(timelock.hasRole(role, address(this)));
    }
}
