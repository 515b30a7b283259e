// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogToken} from "../../../../contracts/FogToken.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract FogTokenTest is BaseTest {
    function test_WholeSupplyGoesToTheTreasury() public {
        FogToken fresh = new FogToken(treasury);
        vm.assertEq(fresh.balanceOf(treasury), 1_000_000_000e18);
        vm.assertEq(fresh.totalSupply(), 1_000_000_000e18);
        vm.assertEq(fresh.decimals(), 18);
        vm.assertEq(keccak256(bytes(fresh.name())), keccak256("fogchain"));
        vm.assertEq(keccak256(bytes(fresh.symbol())), keccak256("FOG"));
    }

    function test_SupplyFitsTheAmountsOfTheMarket() public view {
        vm.assertLe(token.totalSupply(), type(uint96).max, "supply above uint96");
    }

    function test_PermitSetsTheAllowanceOnce() public {
        uint256 deadline = block.timestamp + 60;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, permitDigest(buyer, provider, 5, deadline));
        token.permit(buyer, provider, 5, deadline, v, r, s);
        vm.assertEq(token.allowance(buyer, provider), 5);
        vm.expectRevert();
        token.permit(buyer, provider, 5, deadline, v, r, s);
    }

    function test_PermitOfAStrangerIsRefused() public {
        uint256 deadline = block.timestamp + 60;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(OTHER_KEY, permitDigest(buyer, provider, 5, deadline));
        vm.expectRevert();
        token.permit(buyer, provider, 5, deadline, v, r, s);
    }

    function test_LatePermitIsRefused() public {
        uint256 deadline = block.timestamp + 60;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, permitDigest(buyer, provider, 5, deadline));
        vm.warp(deadline + 1);
        vm.expectRevert();
        token.permit(buyer, provider, 5, deadline, v, r, s);
    }
}
