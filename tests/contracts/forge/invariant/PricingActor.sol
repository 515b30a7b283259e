// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogPricing} from "../../../../contracts/FogPricing.sol";
import {FogRegistry} from "../../../../contracts/FogRegistry.sol";
import {FogStake} from "../../../../contracts/FogStake.sol";
import {FogToken} from "../../../../contracts/FogToken.sol";
import {Bounds} from "../../../../contracts/interfaces/IFogPricing.sol";
import {Node} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {bound, vm} from "../Vm.sol";

/// @notice Nodes that come, go, bond and are paid, votes that change parameters, and steps of the price, in any order.
contract PricingActor {
    bytes32[2] public CLASSES = [bytes32("cpu"), "gpu"];
    uint256 private constant OWNERS = 4;

    FogPricing private immutable pricing;
    FogRegistry private immutable registry;
    FogStake private immutable stake;

    /// @notice Steps above the cap or out of the bounds, and second steps of an epoch.
    uint256 public wrongs;

    mapping(bytes32 class => uint256) private steppedAt;

    constructor(FogToken token, FogStake stake_, FogRegistry registry_, FogPricing pricing_) {
        (stake, registry, pricing) = (stake_, registry_, pricing_);
        for (uint256 i; i < OWNERS; ++i) {
            vm.prank(owner(i));
            token.approve(address(stake_), type(uint256).max);
        }
    }

    function owner(uint256 i) public pure returns (address) {
        return address(uint160(0x1000 + i % OWNERS));
    }

    function owners() external pure returns (address[] memory all) {
        all = new address[](OWNERS);
        for (uint256 i; i < OWNERS; ++i) {
            all[i] = owner(i);
        }
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + time % 2000);
    }

    function bond(uint256 who, uint256 amount) external {
        vm.prank(owner(who));
        stake.bond(uint96(bound(amount, 1, 100e18)));
    }

    function unbond(uint256 who, uint256 amount) external {
        uint96 bonded = stake.bonded(owner(who));
        if (bonded == 0 || stake.unbonding(owner(who)).length == 32) return;
        vm.prank(owner(who));
        stake.unbond(uint96(bound(amount, 1, bonded)));
    }

    function register(uint256 who, uint256 class, uint64 capacity) external {
        Node memory node;
        node.nodeKey = keccak256("key");
        node.nodeSignature = new bytes(64);
        node.class = CLASSES[class % 2];
        node.capacity = capacity % 5000;
        vm.prank(owner(who));
        registry.register(node);
    }

    function deregister(uint256 who) external {
        if (registry.record(owner(who)).place == 0) return;
        vm.prank(owner(who));
        registry.deregister();
    }

    function refresh(uint256 who) external {
        if (registry.record(owner(who)).place != 0) registry.refresh(owner(who));
    }

    function report(uint256 who, uint96 volume) external {
        vm.prank(pricing.market());
        pricing.report(owner(who), volume);
    }

    function setControl(uint16 cap, uint16 target) external {
        vm.prank(pricing.timelock());
        pricing.setControl(uint16(bound(cap, 50, 1250)), uint16(bound(target, 5000, 9000)));
    }

    function setBounds(uint256 class, uint96 floor, uint96 width) external {
        Bounds memory bounds = pricing.resourceClass(CLASSES[class % 2]).bounds;
        bounds.fuelFloor = uint96(bound(floor, 1e6, 1e18));
        bounds.fuelCeiling = bounds.fuelFloor + width % 1e18;
        vm.prank(pricing.timelock());
        pricing.setBounds(CLASSES[class % 2], 1, bounds);
    }

    function advance(uint256 which) external {
        bytes32 class = CLASSES[which % 2];
        (uint256 before,) = pricing.basePrice(class);
        try pricing.advance(class) {
            (uint256 price,) = pricing.basePrice(class);
            uint256 moved = price > before ? price - before : before - price;
            if (moved * 10_000 > before * pricing.stepCap()) ++wrongs;
            if (steppedAt[class] != 0 && block.timestamp < steppedAt[class] + 600) ++wrongs;
            steppedAt[class] = block.timestamp;
        } catch {
            // Nobody can hold up the price: from an epoch after the last step on, a step succeeds.
            if (block.timestamp >= pricing.resourceClass(class).stepped + 600) ++wrongs;
        }
    }
}
