// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract PermitTest is BaseTest {
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
