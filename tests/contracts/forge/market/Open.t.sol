// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogMarket, Job, JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {bound, vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";
import {MarketTest} from "./MarketTest.sol";

contract OpenTest is MarketTest {
    function testFuzz_PriceIsLocked(uint96 price, uint96 rate, uint40 inputBy, uint40 due, uint40 lateBy, bytes32 work)
        public
    {
        Terms memory t = plain();
        t.price = uint96(bound(price, 1, 100e18));
        (t.rate, t.work) = (rate, work);
        t.due = uint40(bound(due, block.timestamp + 1, block.timestamp + 365 days));
        t.inputBy = uint40(bound(inputBy, 0, t.due));
        t.lateBy = uint40(bound(lateBy, t.due, block.timestamp + 365 days));
        bytes32 id = market.hashTerms(t);
        vm.expectEmit(address(market));
        emit IFogMarket.JobOpened(id, buyer, provider, t.price, t.rate, 0, t.inputBy, t.due, t.lateBy, t.work);
        vm.prank(buyer);
        vm.assertEq(market.open(t, ""), id);

        vm.assertEq(market.free(buyer), 100e18 - t.price);
        Job memory job = market.job(id);
        vm.assertEq(uint256(job.state), uint256(JobState.Open));
        vm.assertEq(job.version, 1);
        vm.assertEq(job.feeBps, FEE);
        vm.assertEq(job.since, block.timestamp);
        vm.assertEq(job.number, block.number);
        vm.assertEq(bytes32(job.delivery), 0);
        vm.assertEq(market.courtOf(id), address(court));
    }

    function test_UnknownJobIsAllZero() public view {
        assertState(JOB, JobState.None);
        vm.assertEq(market.courtOf(JOB), address(0));
    }

    /* WHO MAY */

    function test_BuyerSendsWithTheProvidersWord() public {
        assertState(open(terms()), JobState.Open);
    }

    function test_ProviderSendsWithTheBuyersWord() public {
        Terms memory t = terms();
        bytes memory signature = sign(BUYER_KEY, market.hashTerms(t));
        vm.prank(provider);
        assertState(market.open(t, signature), JobState.Open);
        vm.assertEq(market.free(buyer), 90e18);
    }

    function testFuzz_WithoutABreachAnyoneSendsTheBuyersWord(address caller) public {
        Terms memory t = plain();
        bytes memory signature = sign(BUYER_KEY, market.hashTerms(t));
        vm.prank(caller);
        assertState(market.open(t, signature), JobState.Open);
    }

    function testFuzz_WithABreachOthersAreRefused(address caller) public {
        vm.assume(caller != buyer && caller != provider);
        Terms memory t = terms();
        bytes memory signature = sign(BUYER_KEY, market.hashTerms(t));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotParty.selector, caller));
        vm.prank(caller);
        market.open(t, signature);
    }

    function test_ProviderWithoutTheBuyersWordIsRefused() public {
        Terms memory t = terms();
        bytes memory signature = sign(PROVIDER_KEY, market.hashTerms(t));
        expectBadSignature(buyer);
        vm.prank(provider);
        market.open(t, signature);
    }

    function test_BuyerWithoutTheProvidersWordIsRefused() public {
        Terms memory t = terms();
        bytes memory signature = sign(BUYER_KEY, market.hashTerms(t));
        expectBadSignature(provider);
        vm.prank(buyer);
        market.open(t, signature);
    }

    function test_WordForOtherTermsIsRefused() public {
        Terms memory t = terms();
        bytes memory signature = sign(PROVIDER_KEY, market.hashTerms(t));
        ++t.breach;
        expectBadSignature(provider);
        vm.prank(buyer);
        market.open(t, signature);
    }

    function test_CompactSignatureIsAsGood() public {
        Terms memory t = terms();
        bytes memory signature = compact(PROVIDER_KEY, market.hashTerms(t));
        vm.assertEq(signature.length, 64);
        vm.prank(buyer);
        assertState(market.open(t, signature), JobState.Open);
    }

    function test_ContractBuyerSignsByErc1271() public {
        Wallet1271 wallet = newWallet(10e18);
        Terms memory t = plain();
        t.buyer = address(wallet);
        expectBadSignature(address(wallet));
        market.open(t, "word");

        wallet.accept(market.hashTerms(t), "word");
        assertState(market.open(t, "word"), JobState.Open);
        vm.assertEq(market.free(address(wallet)), 0);
    }

    function test_ContractProviderSignsByErc1271() public {
        Wallet1271 wallet = new Wallet1271();
        vm.prank(treasury);
        token.transfer(address(wallet), 400e18);
        wallet.call(address(token), abi.encodeCall(token.approve, (address(stake), 400e18)));
        wallet.call(address(stake), abi.encodeCall(stake.bond, (400e18)));
        Terms memory t = terms();
        t.provider = address(wallet);
        wallet.accept(market.hashTerms(t), "word");
        vm.prank(buyer);
        assertState(market.open(t, "word"), JobState.Open);
    }

    /* WHAT MAY BE */

    function test_TermsOpenOnce() public {
        Terms memory t = plain();
        bytes32 id = open(t);
        expectWrongState(id, JobState.Open);
        vm.prank(buyer);
        market.open(t, "");
    }

    function test_MoreThanFreeIsRefused() public {
        Terms memory t = plain();
        t.price = 100e18 + 1;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, 100e18, 100e18 + 1));
        vm.prank(buyer);
        market.open(t, "");
    }

    function test_BondBelowTheMultipleIsRefused() public {
        vm.prank(provider);
        stake.unbond(49_600e18 + 1);
        Terms memory t = terms();
        bytes memory signature = sign(PROVIDER_KEY, market.hashTerms(t));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BondTooSmall.selector, 400e18 - 1, 400e18));
        vm.prank(buyer);
        market.open(t, signature);

        vm.prank(provider);
        stake.cancelUnbond(0);
        vm.prank(provider);
        stake.unbond(49_600e18);
        vm.prank(buyer);
        market.open(t, signature);
    }

    function test_WithoutABreachNoBondIsAskedFor() public {
        Terms memory t = plain();
        t.provider = other;
        vm.prank(buyer);
        assertState(market.open(t, ""), JobState.Open);
    }

    function test_StoppedMarketOpensNone() public {
        uint40 until = uint40(block.timestamp + 30 minutes);
        vm.prank(guardian);
        market.stop(until);
        Terms memory t = plain();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.Stopped.selector, until));
        vm.prank(buyer);
        market.open(t, "");

        vm.warp(until);
        vm.prank(buyer);
        market.open(t, "");
    }

    function test_NoPriceIsRefused() public {
        Terms memory t = plain();
        t.price = 0;
        expectRefused(t, abi.encodeWithSelector(ErrorsLib.ZeroAmount.selector));
    }

    function test_NoProviderIsRefused() public {
        Terms memory t = plain();
        t.provider = address(0);
        expectRefused(t, abi.encodeWithSelector(ErrorsLib.ZeroAddress.selector));
    }

    function test_ProviderAsBuyerIsRefused() public {
        Terms memory t = plain();
        t.provider = buyer;
        expectRefused(t, bad("provider is buyer"));
    }

    function test_BreachAboveThePriceIsRefused() public {
        Terms memory t = terms();
        t.breach = t.price + 1;
        expectRefused(t, bad("breach above price"));
    }

    function test_TimesOutOfOrderAreRefused() public {
        Terms memory t = plain();
        t.due = uint40(block.timestamp);
        t.inputBy = t.due;
        expectRefused(t, bad("times out of order"));
        t = plain();
        t.inputBy = t.due + 1;
        expectRefused(t, bad("times out of order"));
        t = plain();
        t.lateBy = t.due - 1;
        expectRefused(t, bad("times out of order"));
    }

    function test_LockOfMoreThanAYearIsRefused() public {
        Terms memory t = plain();
        t.lateBy = uint40(block.timestamp + 365 days + 1);
        expectRefused(t, bad("lateBy too far"));
    }

    /// @dev 7 days of unbonding, less 3 for a verdict and half an hour for a challenge. Else a provider could withdraw
    /// its bond first, then deliver what it likes.
    function testFuzz_BondedJobsEndBeforeTheirBondCouldBeGone(uint40 lateBy) public {
        uint40 last = uint40(block.timestamp) + UNBONDING - 3 days - WINDOW;
        Terms memory t = terms();
        t.lateBy = uint40(bound(lateBy, last + 1, block.timestamp + 365 days));
        bytes memory signature = sign(PROVIDER_KEY, market.hashTerms(t));
        vm.expectRevert(bad("longer than a bond is held"));
        vm.prank(buyer);
        market.open(t, signature);
        t.lateBy = last;
        open(t);
    }

    function test_OthersMayTakeAYear() public {
        Terms memory t = plain();
        t.lateBy = uint40(block.timestamp + 365 days);
        open(t);
    }

    /// @dev What does not fit its type would be one thing to the hash and another to who reads it.
    function testFuzz_MembersThatDoNotFitAreRefused(uint256 member, uint256 bit) public {
        uint8[9] memory width = [160, 160, 96, 96, 96, 40, 40, 40, 0];
        member = bound(member, 0, 7);
        bit = bound(bit, width[member], 255);
        bytes memory data = abi.encodeCall(market.open, (plain(), ""));
        assembly ("memory-safe") {
            let place := add(add(data, 0x24), mul(member, 0x20))
            mstore(place, or(mload(place), shl(bit, 1)))
        }
        vm.prank(buyer);
        (bool done, bytes memory answer) = address(market).call(data);
        vm.assertFalse(done);
        vm.assertEq(keccak256(answer), keccak256(bad("out of range")));
    }

    function expectRefused(Terms memory t, bytes memory why) private {
        vm.expectRevert(why);
        vm.prank(buyer);
        market.open(t, "");
    }

    function bad(bytes32 what) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ErrorsLib.BadTerms.selector, what);
    }
}
