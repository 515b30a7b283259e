// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogStake} from "../../../../contracts/FogStake.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "../market/MarketTest.sol";
import {BlockingToken, FalseToken, FeeToken, HookToken, LyingToken, NoReturnToken} from "../mocks/WeirdTokens.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @notice The contracts are made for FOG, and owe nobody more than they hold whatever token they are given: each of the
/// ways in which known tokens differ either works or is refused, and never leaves a balance without its tokens.
contract WeirdTokensTest is MarketTest {
    bytes32 private constant REENTERED = bytes4(keccak256("ReentrancyGuardReentrantCall()"));

    /// @dev Market and stake over `token_`, of which this test has 1000.
    function over(address token_) private {
        deploy(token_);
        IERC20(token_).approve(address(market), 100);
        IERC20(token_).approve(address(stake), 100);
    }

    /// @dev What everybody has is there.
    function assertSolvent(address token_) private view {
        vm.assertEq(IERC20(token_).balanceOf(address(market)), market.free(address(this)));
        uint256 bonds = stake.slashable(address(this));
        vm.assertEq(IERC20(token_).balanceOf(address(stake)), bonds);
    }

    /* A FEE ON TRANSFERS */

    function test_FeeOnTransfersIsRefused() public {
        address fee = address(new FeeToken());
        over(fee);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TransferMismatch.selector, 100, 99));
        market.deposit(100);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TransferMismatch.selector, 100, 99));
        stake.bond(100);
        assertSolvent(fee);
    }

    /* HOOKS */

    function test_HookCannotReenterTheMarket() public {
        HookToken hook = new HookToken();
        over(address(hook));
        market.deposit(60);
        bytes[4] memory calls = [
            abi.encodeCall(market.deposit, (1)),
            abi.encodeCall(market.withdraw, (1)),
            abi.encodeCall(market.collectFees, (new address[](0))),
            abi.encodeCall(market.depositWithAuthorization, (address(this), 1, 0, 0, 0, ""))
        ];
        for (uint256 i; i < calls.length; ++i) {
            hook.aim(address(market), calls[i]);
            market.deposit(1);
            vm.assertTrue(hook.tried());
            vm.assertEq(bytes32(hook.answer()), REENTERED);
            hook.aim(address(market), calls[i]);
            market.withdraw(1);
            vm.assertTrue(hook.tried());
            vm.assertEq(bytes32(hook.answer()), REENTERED);
        }
        hook.aim(address(0), "");
        vm.assertEq(market.free(address(this)), 60);
        assertSolvent(address(hook));
    }

    function test_HookCannotReenterTheStake() public {
        HookToken hook = new HookToken();
        over(address(hook));
        hook.aim(address(stake), abi.encodeCall(stake.unbond, (1)));
        stake.bond(50);
        vm.assertTrue(hook.tried());
        vm.assertEq(bytes32(hook.answer()), REENTERED);

        hook.aim(address(0), "");
        stake.unbond(20);
        vm.warp(block.timestamp + UNBONDING);
        hook.aim(address(stake), abi.encodeCall(stake.withdraw, ()));
        stake.withdraw();
        vm.assertTrue(hook.tried());
        vm.assertEq(bytes32(hook.answer()), REENTERED);
        assertSolvent(address(hook));
    }

    /// @dev The hook sees a balance that is gone from the books before the tokens go: never one that is there twice.
    function test_HookReadsNoBalanceThatIsSpent() public {
        HookToken hook = new HookToken();
        over(address(hook));
        market.deposit(100);
        hook.aim(address(market), abi.encodeCall(market.free, (address(this))));
        market.withdraw(40);
        vm.assertEq(abi.decode(hook.answer(), (uint256)), 60);
    }

    /* FALSE IN PLACE OF A REVERT */

    function test_FalseIsAFailure() public {
        FalseToken false_ = new FalseToken();
        over(address(false_));
        market.deposit(50);
        stake.bond(50);
        stake.unbond(50);
        vm.warp(block.timestamp + UNBONDING);
        false_.refuse();
        bytes memory why = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(false_));
        vm.expectRevert(why);
        market.deposit(50);
        vm.expectRevert(why);
        market.withdraw(50);
        vm.expectRevert(why);
        stake.bond(50);
        vm.expectRevert(why);
        stake.withdraw();
        assertSolvent(address(false_));
        vm.assertEq(market.free(address(this)), 50);
    }

    function test_TransferThatIsNoneIsRefused() public {
        address lying = address(new LyingToken());
        over(lying);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TransferMismatch.selector, 100, 0));
        market.deposit(100);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TransferMismatch.selector, 100, 0));
        stake.bond(100);
        assertSolvent(lying);
    }

    /* NOTHING RETURNED */

    function test_NoReturnValueIsASuccess() public {
        NoReturnToken none = new NoReturnToken();
        deploy(address(none));
        none.approve(address(market), 100);
        none.approve(address(stake), 100);
        market.deposit(100);
        market.withdraw(40);
        stake.bond(100);
        stake.unbond(100);
        vm.warp(block.timestamp + UNBONDING);
        stake.withdraw();
        vm.assertEq(none.balanceOf(address(this)), 1000e18 - 60);
        assertSolvent(address(none));
    }

    function test_NoTokenAtAllIsRefused() public {
        deploy(other);
        vm.expectRevert();
        market.deposit(100);
        vm.expectRevert();
        stake.bond(100);
    }

    /* LISTS OF WHOM NOT TO PAY */

    /// @dev Who is on the list waits: his balance stays his, and stops nobody else.
    function test_BlockedAccountKeepsItsBalanceAndStopsNoOther() public {
        BlockingToken list = new BlockingToken();
        over(address(list));
        market.deposit(100);
        address[] memory payees = new address[](1);
        payees[0] = provider;
        market.settleBatch(payees, abi.encodePacked(uint16(0), uint32(1), uint80(50)));
        list.setBlocked(provider, true);
        vm.expectRevert("blocked");
        vm.prank(provider);
        market.withdraw(50);
        vm.assertEq(market.free(provider), 50);

        market.settleBatch(payees, abi.encodePacked(uint16(0), uint32(2), uint80(10)));
        market.withdraw(40);
        list.setBlocked(provider, false);
        vm.prank(provider);
        market.withdraw(60);
        vm.assertEq(list.balanceOf(provider), 60);
        vm.assertEq(list.balanceOf(address(market)), 0);
    }

    function test_BlockedBondWaitsInTheQueue() public {
        BlockingToken list = new BlockingToken();
        over(address(list));
        stake.bond(100);
        stake.unbond(100);
        vm.warp(block.timestamp + UNBONDING);
        list.setBlocked(address(this), true);
        vm.expectRevert("blocked");
        stake.withdraw();
        assertSolvent(address(list));
        list.setBlocked(address(this), false);
        vm.assertEq(stake.withdraw(), 100);
    }
}
