// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogMarket} from "../../../../contracts/FogMarket.sol";
import {Parameters} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";

contract ClaimTest is BaseTest {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        id = openSession(50e18);
    }

    function testFuzz_ProviderIsPaidWhateverTheCaller(uint96 amount, address caller) public {
        amount = uint96(amount % 50e18) + 1;
        bytes memory signature = voucher(id, amount);
        vm.expectEmit(address(market));
        emit EventsLib.VoucherClaimed(id, buyer, provider, net(amount), fee(amount), amount);
        vm.prank(caller);
        market.claim(id, amount, signature);
        vm.assertEq(market.free(provider), net(amount));
        vm.assertEq(market.free(buyer), 50e18);
        vm.assertEq(market.session(id).claimed, amount);
    }

    function testFuzz_VouchersAreCumulative(uint96 first, uint96 second) public {
        first = uint96(first % 49e18) + 1;
        second = first + 1 + uint96(second % (50e18 - first));
        market.claim(id, first, voucher(id, first));
        vm.expectEmit(address(market));
        emit EventsLib.VoucherClaimed(id, buyer, provider, net(second - first), fee(second - first), second);
        market.claim(id, second, voucher(id, second));
        vm.assertEq(market.free(provider), net(first) + net(second - first));
    }

    function test_SameVoucherTwiceIsRefused() public {
        bytes memory signature = voucher(id, 5);
        market.claim(id, 5, signature);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NothingToClaim.selector, 5, 5));
        market.claim(id, 5, signature);
    }

    function test_OlderVoucherIsRefused() public {
        market.claim(id, 5, voucher(id, 5));
        bytes memory signature = voucher(id, 4);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NothingToClaim.selector, 4, 5));
        market.claim(id, 4, signature);
    }

    function test_AboveTheCapIsRefused() public {
        bytes memory signature = voucher(id, 50e18 + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AboveCap.selector, 50e18 + 1, 50e18));
        market.claim(id, 50e18 + 1, signature);
    }

    function testFuzz_ForgedVoucherIsRefused(uint256 key) public {
        key = 1 + key % (CURVE_ORDER - 1);
        vm.assume(key != BUYER_KEY);
        bytes memory signature = sign(key, market.hashVoucher(id, 5));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        market.claim(id, 5, signature);
    }

    function testFuzz_GarbageIsRefused(bytes calldata signature) public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        market.claim(id, 5, signature);
    }

    function test_OtherAmountThanSignedIsRefused() public {
        bytes memory signature = voucher(id, 5);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        market.claim(id, 6, signature);
    }

    function test_VoucherOfAnotherSessionIsRefused() public {
        uint40 expiry = inAnHour();
        vm.prank(buyer);
        bytes32 second = market.openSession(provider, 10e18, expiry, keccak256("another job"));
        bytes memory signature = voucher(second, 5);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        market.claim(id, 5, signature);
    }

    function test_VoucherForAnotherMarketIsRefused() public {
        Parameters memory p = parameters(address(court));
        FogMarket twin = new FogMarket(address(token), address(stake), timelock, guardian, address(0), p);
        bytes memory signature = sign(BUYER_KEY, twin.hashVoucher(id, 5));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        market.claim(id, 5, signature);
    }

    function test_VoucherForAnotherChainIsRefused() public {
        uint256 here = block.chainid;
        vm.chainId(here + 1);
        bytes memory signature = voucher(id, 5);
        vm.chainId(here);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        market.claim(id, 5, signature);
    }

    function test_MalleatedSignatureIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, market.hashVoucher(id, 5));
        bytes memory twin = abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        market.claim(id, 5, twin);
    }

    function test_UnknownSessionIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SessionNotOpen.selector, JOB));
        market.claim(JOB, 5, "");
    }

    function test_ClosedSessionIsRefused() public {
        bytes memory signature = voucher(id, 5);
        vm.prank(provider);
        market.closeSession(id);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SessionNotOpen.selector, id));
        market.claim(id, 5, signature);
    }

    function test_ExpiredButOpenSessionStillPays() public {
        vm.warp(block.timestamp + 2 hours);
        market.claim(id, 5, voucher(id, 5));
        vm.assertEq(market.free(provider), 5);
    }

    function test_VoucherOutlivesCodeOnTheBuyersAccount() public {
        bytes memory signature = voucher(id, 5);
        vm.etch(buyer, type(Wallet1271).runtimeCode);
        market.claim(id, 5, signature);
        vm.assertEq(market.free(provider), 5);
    }

    function test_ContractBuyerSignsByErc1271() public {
        Wallet1271 wallet = new Wallet1271();
        vm.prank(treasury);
        token.transfer(address(wallet), 10);
        wallet.call(address(token), abi.encodeCall(token.approve, (address(market), 10)));
        wallet.call(address(market), abi.encodeCall(market.deposit, (10)));
        wallet.call(address(market), abi.encodeCall(market.openSession, (provider, 10, inAnHour(), JOB)));
        bytes32 session = market.sessionId(address(wallet), provider, JOB);

        wallet.accept(market.hashVoucher(session, 5), "word");
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, address(wallet)));
        market.claim(session, 6, "word");
        market.claim(session, 5, "word");
        vm.assertEq(market.free(provider), 5);
    }
}
