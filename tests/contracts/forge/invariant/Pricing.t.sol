// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ResourceClass} from "../../../../contracts/interfaces/IFogPricing.sol";
import {Record} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {Bounds, PricingActor} from "./PricingActor.sol";

/// @notice What holds whatever nodes, buyers and voters do.
contract PricingInvariantTest is BaseTest {
    PricingActor private actor;

    function setUp() public override {
        super.setUp();
        actor = new PricingActor(token, stake, registry, pricing);
        address[] memory owners = actor.owners();
        for (uint256 i; i < owners.length; ++i) {
            vm.prank(treasury);
            token.transfer(owners[i], 1_000_000e18);
        }
        for (uint256 i; i < 2; ++i) {
            vm.startPrank(timelock);
            pricing.addClass(actor.CLASSES(i), 1, 0.5e18, 0.001e18, Bounds(0.1e18, 5e18, 0.0001e18, 1e18));
            vm.stopPrank();
        }
    }

    /// @dev Foundry asks which contracts to call.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actor);
    }

    /// @dev I16
    function invariant_PricesStepWithinTheCapOnceAnEpoch() public view {
        vm.assertEq(actor.wrongs(), 0, "I16: a step above the cap, too soon, or held up");
    }

    /// @dev I16
    function invariant_PricesAreWithinTheirBounds() public view {
        for (uint256 i; i < 2; ++i) {
            ResourceClass memory c = pricing.resourceClass(actor.CLASSES(i));
            vm.assertGe(c.perGfuel, c.bounds.fuelFloor, "I16: below the floor");
            vm.assertLe(c.perGfuel, c.bounds.fuelCeiling, "I16: above the ceiling");
            vm.assertGe(c.perGiBs, c.bounds.memoryFloor, "I16: below the floor");
            vm.assertLe(c.perGiBs, c.bounds.memoryCeiling, "I16: above the ceiling");
        }
    }

    function invariant_CapacityOfAClassIsThatOfItsNodes() public view {
        address[] memory owners = registry.page(0, type(uint256).max);
        for (uint256 i; i < 2; ++i) {
            uint256 sum;
            for (uint256 k; k < owners.length; ++k) {
                Record memory record = registry.record(owners[k]);
                vm.assertLe(record.counted, record.capacity, "more counted than declared");
                if (record.class == actor.CLASSES(i)) sum += record.counted;
            }
            vm.assertEq(registry.capacityOf(actor.CLASSES(i)), sum, "the class's sum is not its nodes'");
        }
    }
}
