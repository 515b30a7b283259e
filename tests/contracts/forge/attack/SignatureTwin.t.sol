// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice Knows a voucher that was paid by its signature, and takes any that ecrecover does.
contract NaiveReceipts {
    mapping(bytes32 signature => bool) private used;
    mapping(address payee => uint256) public paid;

    function claim(address payer, bytes32 digest, uint256 amount, uint8 v, bytes32 r, bytes32 s) external {
        bytes32 key = keccak256(abi.encode(v, r, s));
        require(!used[key] && ecrecover(digest, v, r, s) == payer, "no");
        used[key] = true;
        paid[msg.sender] += amount;
    }
}

/// @notice Each signature (r, s) has a twin (r, n - s) of the same key over the same digest, which anyone can work out.
contract SignatureTwinTest is BaseTest {
    function twin(bytes memory word) private pure returns (uint8 v, bytes32 r, bytes32 s) {
        assembly ("memory-safe") {
            r := mload(add(word, 0x20))
            s := mload(add(word, 0x40))
        }
        s = bytes32(CURVE_ORDER - uint256(s));
        v = uint8(word[64]) == 27 ? 28 : 27;
    }

    function test_Proof_ReceiptIsPaidTwice() public {
        NaiveReceipts naive = new NaiveReceipts();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, JOB);
        naive.claim(buyer, JOB, 1e18, v, r, s);
        (v, r, s) = twin(abi.encodePacked(r, s, v));
        naive.claim(buyer, JOB, 1e18, v, r, s);
        vm.assertEq(naive.paid(address(this)), 2e18);
    }

    function testFuzz_Fix_TwinOfAVoucherIsRefused(uint96 amount) public {
        bytes32 id = openSession(10e18);
        amount = uint96(1 + amount % 10e18);
        (uint8 v, bytes32 r, bytes32 s) = twin(voucher(id, amount));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        market.claim(id, amount, abi.encodePacked(r, s, v));
        // Nor in its short form (EIP-2098), whose high bit is the parity.
        if (v == 28) s = bytes32(uint256(s) | 1 << 255);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        market.claim(id, amount, abi.encodePacked(r, s));
    }

    /// @dev And whatever is signed is spent by its content: one voucher in two forms is paid once.
    function test_Fix_TwoFormsOfAVoucherArePaidOnce() public {
        bytes32 id = openSession(10e18);
        bytes memory word = voucher(id, 4e18);
        (bytes32 r, bytes32 s) = (0, 0);
        assembly ("memory-safe") {
            r := mload(add(word, 0x20))
            s := mload(add(word, 0x40))
        }
        if (uint8(word[64]) == 28) s = bytes32(uint256(s) | 1 << 255);
        market.claim(id, 4e18, word);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NothingToClaim.selector, 4e18, 4e18));
        market.claim(id, 4e18, abi.encodePacked(r, s));
    }

    function test_Fix_TwinOfAcceptedTermsIsRefused() public {
        Terms memory t = terms();
        bytes32 id = market.hashTerms(t);
        (uint8 v, bytes32 r, bytes32 s) = twin(sign(PROVIDER_KEY, id));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, provider));
        vm.prank(buyer);
        market.open(t, abi.encodePacked(r, s, v));
    }
}
