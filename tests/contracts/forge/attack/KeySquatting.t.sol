// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Node} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {vm} from "../Vm.sol";
import {RegistryTest} from "../registry/RegistryTest.sol";

/// @notice First come, first served.
contract FirstComeRegistry {
    mapping(bytes32 nodeKey => address) public ownerOf;

    function register(bytes32 nodeKey) external {
        require(ownerOf[nodeKey] == address(0), "taken");
        ownerOf[nodeKey] = msg.sender;
    }
}

/// @notice Node keys are public: whoever registers another's first keeps him out, or is taken for him.
contract KeySquattingTest is RegistryTest {
    address private constant squatter = address(0x59A7);

    function test_Proof_SquatterKeepsTheOwnerOut() public {
        FirstComeRegistry naive = new FirstComeRegistry();
        vm.prank(squatter);
        naive.register(KEY);
        vm.expectRevert();
        vm.prank(seller);
        naive.register(KEY);
    }

    /// @dev A key may be in any number of records: readers take the one whose account the key signed for. An Ed25519
    /// signature is checked by them, not by the chain, and each record has the one it came with in its event.
    function test_Fix_OwnerRegistersAllTheSame() public {
        register(squatter, plain());
        register(seller, plain());
        vm.assertEq(registry.record(seller).nodeKey, KEY);
        vm.assertEq(registry.count(), 2);
    }

    /// @dev Nor does the squatter's record count for anything: capacity and bids are his own bond's.
    function test_Fix_SquattersRecordHasNoCapacity() public {
        register(squatter, plain());
        (, uint64 counted) = registry.capacity(squatter);
        vm.assertEq(counted, 0);
        vm.assertEq(registry.capacityOf(CPU), 0);
    }

    /// @dev Nobody is named as operator who did not sign.
    function test_Fix_OperatorMustHaveSigned() public {
        uint40 expiry = uint40(block.timestamp + 1 days);
        Node memory node = operated(seller, expiry);
        vm.expectRevert();
        register(squatter, node);
        register(seller, node);
        vm.assertEq(registry.record(seller).operator, other);
    }
}
