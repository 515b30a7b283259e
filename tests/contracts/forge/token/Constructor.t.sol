// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogToken} from "../../../../contracts/FogToken.sol";
import {SUPPLY} from "../../../../contracts/libraries/ConstantsLib.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

contract TokenConstructorTest is BaseTest {
    address[] private recipients = [treasury, provider];
    uint96[] private amounts = [600_000_000e18, 400_000_000e18];

    function test_EachRecipientGetsItsPart() public {
        FogToken fresh = new FogToken(recipients, amounts);
        vm.assertEq(fresh.balanceOf(treasury), 600_000_000e18);
        vm.assertEq(fresh.balanceOf(provider), 400_000_000e18);
        vm.assertEq(fresh.totalSupply(), 1_000_000_000e18);
        vm.assertEq(fresh.balanceOf(address(this)), 0, "the deployer has some");
    }

    function test_RecipientNamedTwiceGetsBoth() public {
        recipients[1] = treasury;
        vm.assertEq(new FogToken(recipients, amounts).balanceOf(treasury), SUPPLY);
    }

    function test_ItSaysWhatItIs() public view {
        vm.assertEq(token.decimals(), 18);
        vm.assertEq(keccak256(bytes(token.name())), keccak256("fogchain"));
        vm.assertEq(keccak256(bytes(token.symbol())), keccak256("FOG"));
    }

    function test_SupplyFitsTheAmountsOfTheMarket() public view {
        vm.assertLe(token.totalSupply(), type(uint96).max, "supply above uint96");
    }

    function test_AnythingButTheSupplyIsRefused(uint96 second) public {
        vm.assume(second != amounts[1]);
        amounts[1] = second;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTheSupply.selector, uint256(amounts[0]) + second));
        new FogToken(recipients, amounts);
    }

    function test_NoRecipientIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTheSupply.selector, 0));
        new FogToken(new address[](0), new uint96[](0));
    }

    function test_RecipientWithoutAmountIsRefused() public {
        recipients.push(buyer);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.LengthMismatch.selector, 3, 2));
        new FogToken(recipients, amounts);
    }

    function test_NobodyAsRecipientIsRefused() public {
        recipients[1] = address(0);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        new FogToken(recipients, amounts);
    }
}
