// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogToken} from "../../../../contracts/FogToken.sol";
import {FogVesting} from "../../../../contracts/FogVesting.sol";
import {SUPPLY} from "../../../../contracts/libraries/ConstantsLib.sol";
import {vm} from "../Vm.sol";
import {VestingTest} from "./VestingTest.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {VestingWalletCliff} from "@openzeppelin/contracts/finance/VestingWalletCliff.sol";

contract VestingConstructorTest is VestingTest {
    function test_TheScheduleIsWhatWasAskedFor() public view {
        vm.assertEq(vesting.owner(), provider);
        vm.assertEq(vesting.start(), start);
        vm.assertEq(vesting.cliff(), start + 100 days);
        vm.assertEq(vesting.end(), start + 400 days);
    }

    /// @dev The token comes first, so it is minted to a wallet that is deployed later.
    function test_TheTokenCanBeMintedToIt() public {
        address[] memory recipients = new address[](2);
        uint96[] memory amounts = new uint96[](2);
        (recipients[0], recipients[1]) = (treasury, address(vesting));
        (amounts[0], amounts[1]) = (uint96(SUPPLY - 8e18), 8e18);
        FogToken fresh = new FogToken(recipients, amounts);
        vm.warp(start + 200 days);
        vesting.release(address(fresh));
        vm.assertEq(fresh.balanceOf(provider), 4e18);
    }

    function test_CliffAfterTheEndIsRefused() public {
        vm.expectRevert(
            abi.encodeWithSelector(VestingWalletCliff.InvalidCliffDuration.selector, uint64(401 days), uint64(400 days))
        );
        new FogVesting(provider, start, 401 days, 400 days);
    }

    function test_NobodyAsBeneficiaryIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableInvalidOwner.selector, address(0)));
        new FogVesting(address(0), start, 100 days, 400 days);
    }
}
