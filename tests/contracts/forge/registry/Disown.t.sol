// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Node} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

contract DisownTest is RegistryTest {
    function test_NodeIsItsOwnersAgainAndTheAgreementVoid() public {
        Node memory node = operated(seller, inAnHour());
        register(seller, node);
        vm.expectEmit(address(registry));
        emit EventsLib.NodeDisowned(other, seller, inAnHour());
        vm.prank(other);
        registry.disown(seller, inAnHour());
        vm.assertEq(registry.record(seller).operator, seller);

        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.Disowned.selector, other));
        register(seller, node);
    }

    function test_AgreementThatWasNeverUsedCanBeVoided() public {
        vm.prank(other);
        registry.disown(seller, inAnHour());
        Node memory node = operated(seller, inAnHour());
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.Disowned.selector, other));
        register(seller, node);
    }

    function test_LaterAgreementCounts() public {
        vm.startPrank(other);
        registry.disown(seller, inAnHour());
        registry.disown(seller, inAnHour() - 1);
        vm.stopPrank();
        vm.assertEq(registry.disownedUpTo(other, seller), inAnHour());
        register(seller, operated(seller, inAnHour() + 1));
        vm.assertEq(registry.record(seller).operator, other);
    }

    function test_AgreementsWithOtherOwnersStay() public {
        register(seller, operated(seller, inAnHour()));
        vm.prank(other);
        registry.disown(buyer, inAnHour());
        vm.assertEq(registry.record(seller).operator, other);
        register(seller, operated(seller, inAnHour()));
    }

    function testFuzz_StrangerChangesNothing(address stranger) public {
        vm.assume(stranger != other);
        register(seller, operated(seller, inAnHour()));
        vm.prank(stranger);
        registry.disown(seller, type(uint40).max);
        vm.assertEq(registry.record(seller).operator, other);
    }
}
