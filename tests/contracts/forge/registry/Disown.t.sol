// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Node} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

contract DisownTest is RegistryTest {
    function test_NodeIsItsOwnersAgainAndTheAgreementVoid() public {
        Node memory node = operated(provider, inAnHour());
        register(provider, node);
        vm.expectEmit(address(registry));
        emit EventsLib.NodeDisowned(other, provider, inAnHour());
        vm.prank(other);
        registry.disown(provider, inAnHour());
        vm.assertEq(registry.record(provider).operator, provider);

        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.Disowned.selector, other));
        register(provider, node);
    }

    function test_AgreementThatWasNeverUsedCanBeVoided() public {
        vm.prank(other);
        registry.disown(provider, inAnHour());
        Node memory node = operated(provider, inAnHour());
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.Disowned.selector, other));
        register(provider, node);
    }

    function test_LaterAgreementCounts() public {
        vm.startPrank(other);
        registry.disown(provider, inAnHour());
        registry.disown(provider, inAnHour() - 1);
        vm.stopPrank();
        vm.assertEq(registry.disownedUpTo(other, provider), inAnHour());
        register(provider, operated(provider, inAnHour() + 1));
        vm.assertEq(registry.record(provider).operator, other);
    }

    function test_AgreementsWithOtherOwnersStay() public {
        register(provider, operated(provider, inAnHour()));
        vm.prank(other);
        registry.disown(buyer, inAnHour());
        vm.assertEq(registry.record(provider).operator, other);
        register(provider, operated(provider, inAnHour()));
    }

    function testFuzz_StrangerChangesNothing(address stranger) public {
        vm.assume(stranger != other);
        register(provider, operated(provider, inAnHour()));
        vm.prank(stranger);
        registry.disown(provider, type(uint40).max);
        vm.assertEq(registry.record(provider).operator, other);
    }
}
