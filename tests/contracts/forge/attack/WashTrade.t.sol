// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogMarket} from "../../../../contracts/FogMarket.sol";
import {Bounds} from "../../../../contracts/interfaces/IFogPricing.sol";
import {vm} from "../Vm.sol";
import {RegistryTest} from "../registry/RegistryTest.sol";

/// @notice Moves the price by all that is said to have been paid.
contract CredulousPricing {
    uint256 public price = 0.5e18;
    uint256 private volume;

    function report(address, uint256 paid) external {
        volume += paid;
    }

    function advance(uint256 capacity) external {
        if (volume / price * 10 > capacity * 7) price += price / 8;
        else price -= price / 8;
        volume = 0;
    }
}

/// @notice A provider buys from himself: to feign demand, a record, or a finding.
contract WashTradeTest is RegistryTest {
    uint64 private constant HONEST = 990; // Gfuel an epoch, of 1,000
    uint256 private constant WASHER_KEY = 0x3A5;
    address private immutable washer = vm.addr(WASHER_KEY);
    uint96 private constant VOLUME = 100_000e18;

    function setUp() public override {
        super.setUp();
        vm.startPrank(timelock);
        pricing.addClass(CPU, 100, 0.5e18, 0.001e18, Bounds(0.01e18, 50e18, 0.0001e18, 1e18));
        vm.stopPrank();
        bond(seller, 99e18);
        register(seller, withCapacity(HONEST));
        bond(washer, 1e18);
        register(washer, withCapacity(10));
        vm.prank(treasury);
        token.transfer(washer, VOLUME);
        vm.startPrank(washer);
        token.approve(address(market), VOLUME);
        market.deposit(VOLUME);
        vm.stopPrank();
    }

    /// @dev He pays himself all he has.
    function wash() private returns (uint256 left) {
        vm.startPrank(washer);
        bytes32 id = market.openSession(washer, VOLUME, inAnHour(), JOB);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(WASHER_KEY, market.hashVoucher(id, VOLUME));
        market.claimAndClose(id, VOLUME, abi.encodePacked(r, s, v));
        vm.stopPrank();
        return market.free(washer);
    }

    function collect() private {
        address[] memory providers = new address[](1);
        providers[0] = washer;
        market.collectFees(providers);
    }

    function test_Proof_FeignedVolumeMovesAPriceThatBelievesIt() public {
        CredulousPricing naive = new CredulousPricing();
        vm.prank(timelock);
        market.setPricing(address(naive));
        wash();
        collect();
        naive.advance(1000);
        vm.assertGe(naive.price(), 0.5e18 + 1, "the price");
    }

    /// @dev Each time costs the fee.
    function test_Fix_EachTimeCostsTheFee() public {
        vm.assertEq(VOLUME - wash(), fee(VOLUME));
    }

    /// @dev And feigns no more use than his own bonded part of the capacity: a hundredth of this class.
    function test_Fix_PriceSeesHisOwnCapacityAtMost() public {
        vm.warp(block.timestamp + 600);
        wash();
        collect();
        vm.assertEq(pricing.resourceClass(CPU).used, 10 * 1e9);
        (uint256 before,) = pricing.basePrice(CPU);
        pricing.advance(CPU);
        (uint256 price,) = pricing.basePrice(CPU);
        // As if a hundredth were in use: it falls by 12.5 % * 69/70.
        vm.assertEq(before - price, before * 1250 * 6900 / (7000 * 10_000));
    }

    /// @dev What he is no provider for, he feigns no use of.
    function test_Fix_WithoutANodeNothingIsFeigned() public {
        vm.prank(washer);
        registry.deregister();
        vm.warp(block.timestamp + 600);
        wash();
        collect();
        vm.assertEq(pricing.resourceClass(CPU).used, 0);
    }
}
