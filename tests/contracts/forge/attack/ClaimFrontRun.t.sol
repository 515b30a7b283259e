// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice Vouchers that are spent by their claim, whatever of them the payer's deposit still covers.
contract NaiveVouchers {
    mapping(address payer => uint256) public deposits;
    mapping(address payee => uint256) public paid;
    mapping(bytes32 voucher => bool) private spent;

    function deposit(uint256 amount) external {
        deposits[msg.sender] += amount;
    }

    function withdraw(uint256 amount) external {
        deposits[msg.sender] -= amount;
    }

    function claim(address payer, address payee, uint256 amount) external {
        bytes32 voucher = keccak256(abi.encode(payer, payee, amount));
        require(!spent[voucher], "spent");
        spent[voucher] = true;
        if (amount > deposits[payer]) amount = deposits[payer];
        deposits[payer] -= amount;
        paid[payee] += amount;
    }
}

/// @notice Whoever sees a claim coming gets in front of it, so that it pays dust and is used up.
contract ClaimFrontRunTest is BaseTest {
    function test_Proof_VoucherPaysDustAndIsSpent() public {
        NaiveVouchers naive = new NaiveVouchers();
        vm.startPrank(buyer);
        naive.deposit(10e18);
        naive.withdraw(10e18 - 1); // in front of the claim
        vm.stopPrank();
        naive.claim(buyer, provider, 10e18);
        vm.assertEq(naive.paid(provider), 1);
        vm.expectRevert();
        naive.claim(buyer, provider, 10e18);
    }

    /// @dev What is locked for a provider can't leave in front of his claim.
    function test_Fix_CapIsTheProvidersAlone() public {
        bytes32 id = openSession(10e18);
        uint96 rest = market.free(buyer);
        vm.startPrank(buyer);
        market.withdraw(rest);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, 0, 1));
        market.withdraw(1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotExpired.selector, inAnHour()));
        market.closeSession(id);
        vm.stopPrank();
        market.claim(id, 10e18, voucher(id, 10e18));
        vm.assertEq(market.free(provider), net(10e18));
    }

    /// @dev A voucher of one base unit, claimed in front of a greater one, takes nothing from it.
    function testFuzz_Fix_OlderVoucherInFrontCostsNothing(uint96 dust) public {
        bytes32 id = openSession(10e18);
        dust = uint96(1 + dust % (10e18 - 1));
        vm.prank(other);
        market.claim(id, dust, voucher(id, dust));
        market.claim(id, 10e18, voucher(id, 10e18));
        (uint96 fees,) = market.withheld(provider);
        vm.assertEq(market.free(provider) + fees, 10e18);
        // The fee is rounded down twice instead of once: for the payee.
        vm.assertGe(market.free(provider), net(10e18), "dust");
    }
}
