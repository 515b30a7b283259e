// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {vm} from "../Vm.sol";
import {VestingTest} from "./VestingTest.sol";

contract RenounceOwnershipTest is VestingTest {
    function test_ItIsRefused() public {
        vm.expectRevert(ErrorsLib.Fixed.selector);
        vm.prank(provider);
        vesting.renounceOwnership();
        vm.assertEq(vesting.owner(), provider);
    }
}
