// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice What ERC-3009 has people sign. Amounts are 7 FOG of the buyer; a minute before and after they are not valid.
abstract contract AuthorizationTest is BaseTest {
    bytes32 internal constant NONCE = keccak256("any 32 bytes");
    uint256 internal validAfter;
    uint256 internal validBefore;

    function setUp() public override {
        super.setUp();
        (validAfter, validBefore) = (block.timestamp - 60, block.timestamp + 60);
    }

    function authorization(string memory kind, address to, bytes32 nonce) internal view returns (bytes32) {
        bytes32 typeHash = keccak256(
            bytes.concat(
                bytes(kind),
                "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
            )
        );
        return digest(keccak256(abi.encode(typeHash, buyer, to, 7e18, validAfter, validBefore, nonce)));
    }

    function cancellation(bytes32 nonce) internal view returns (bytes32) {
        bytes32 typeHash = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        return digest(keccak256(abi.encode(typeHash, buyer, nonce)));
    }

    function digest(bytes32 content) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), content));
    }

    function cancel(bytes32 nonce) internal {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, cancellation(nonce));
        token.cancelAuthorization(buyer, nonce, v, r, s);
    }
}
