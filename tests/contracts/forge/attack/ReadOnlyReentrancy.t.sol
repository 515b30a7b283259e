// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogMarket} from "../../../../contracts/FogMarket.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {HookToken} from "../mocks/WeirdTokens.sol";

interface Vault {
    function free(address owner) external view returns (uint96);
}

/// @notice Pays before it writes down that it did.
contract NaiveVault is Vault {
    HookToken private immutable token;
    mapping(address owner => uint96) public free;

    constructor(HookToken token_) {
        token = token_;
    }

    function deposit(uint96 amount) external {
        token.transferFrom(msg.sender, address(this), amount);
        free[msg.sender] += amount;
    }

    function withdraw(uint96 amount) external {
        token.transfer(msg.sender, amount);
        free[msg.sender] -= amount;
    }
}

/// @notice Lends against what somebody has in a vault, as the vault says at the moment.
contract Lender {
    uint256 public credit;

    function look(Vault vault, address owner) external {
        credit = vault.free(owner);
    }
}

/// @notice In the middle of a payment a third contract reads a balance that is not there any more.
contract ReadOnlyReentrancyTest is BaseTest {
    HookToken private hook;
    Lender private lender;

    function setUp() public override {
        super.setUp();
        hook = new HookToken();
        lender = new Lender();
        deploy(address(hook));
        hook.approve(address(market), type(uint256).max);
    }

    function test_Proof_LenderSeesWhatHasLeft() public {
        NaiveVault naive = new NaiveVault(hook);
        hook.approve(address(naive), type(uint256).max);
        naive.deposit(10e18);
        hook.aim(address(lender), abi.encodeCall(lender.look, (naive, address(this))));
        naive.withdraw(10e18);
        vm.assertEq(naive.free(address(this)), 0);
        vm.assertEq(lender.credit(), 10e18);
    }

    function test_Fix_BooksAreWrittenBeforeThePayment() public {
        market.deposit(10e18);
        hook.aim(address(lender), abi.encodeCall(lender.look, (Vault(address(market)), address(this))));
        market.withdraw(9e18);
        vm.assertTrue(hook.tried());
        vm.assertEq(lender.credit(), 1e18);
    }

    /// @dev And a deposit is there once its tokens are, no sooner.
    function test_Fix_DepositIsNotSeenBeforeItCame() public {
        hook.aim(address(lender), abi.encodeCall(lender.look, (Vault(address(market)), address(this))));
        market.deposit(10e18);
        vm.assertTrue(hook.tried());
        vm.assertEq(lender.credit(), 0);
        vm.assertEq(market.free(address(this)), 10e18);
    }

    /// @dev I22: nor does a call from within a payment come through.
    function test_Fix_NothingIsPaidWithinAPayment() public {
        market.deposit(10e18);
        hook.aim(address(market), abi.encodeCall(FogMarket.withdraw, (1e18)));
        market.withdraw(1e18);
        vm.assertTrue(hook.tried());
        vm.assertEq(bytes32(bytes4(hook.answer())), bytes32(bytes4(keccak256("ReentrancyGuardReentrantCall()"))));
        vm.assertEq(market.free(address(this)), 9e18);
    }
}
