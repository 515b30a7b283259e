// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogRegistry} from "../../../../contracts/FogRegistry.sol";
import {Node, Record} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";
import {RegistryTest} from "./RegistryTest.sol";

contract RegisterTest is RegistryTest {
    function testFuzz_RecordIsWritten(
        address owner,
        bytes32 key,
        bytes32 class,
        uint32 slots,
        uint64 capacity,
        string calldata endpoints
    ) public {
        vm.assume(key != 0 && class != 0 && bytes(endpoints).length <= 1024);
        Node memory node = plain();
        (node.nodeKey, node.class, node.slots, node.capacity, node.endpoints) = (key, class, slots, capacity, endpoints);
        vm.expectEmit(address(registry));
        emit EventsLib.NodeRegistered(owner, key, owner, class, slots, capacity, endpoints, node.nodeSignature);
        register(owner, node);

        Record memory record = registry.record(owner);
        vm.assertEq(record.nodeKey, key);
        vm.assertEq(record.operator, owner);
        vm.assertEq(record.slots, slots);
        vm.assertEq(record.updated, block.timestamp);
        vm.assertEq(record.class, class);
        vm.assertEq(record.endpointHash, keccak256(bytes(endpoints)));
        vm.assertEq(record.capacity, capacity);
        vm.assertEq(record.counted, 0);
        vm.assertEq(registry.count(), 1);
    }

    function test_SecondRecordReplacesTheFirst() public {
        register(seller, plain());
        vm.warp(block.timestamp + 60);
        Node memory node = plain();
        (node.nodeKey, node.slots) = (keccak256("new"), 2);
        register(seller, node);
        Record memory record = registry.record(seller);
        vm.assertEq(record.nodeKey, keccak256("new"));
        vm.assertEq(record.slots, 2);
        vm.assertEq(record.updated, block.timestamp);
        vm.assertEq(registry.count(), 1);
    }

    /// @dev Nobody can keep a node out by registering its key first: readers ignore the record that its key did not sign.
    function test_SquattedKeyKeepsNobodyOut() public {
        register(other, plain());
        register(seller, plain());
        vm.assertEq(registry.record(seller).nodeKey, KEY);
    }

    function testFuzz_CapacityCountsAsFarAsTheBondCoversIt(uint96 bonded, uint64 capacity) public {
        bonded = uint96(bonded % 1_000_000e18) + 1;
        bond(seller, bonded);
        Node memory node = plain();
        node.capacity = capacity;
        register(seller, node);
        uint256 covered = bonded / 0.1e18;
        vm.assertEq(registry.record(seller).counted, covered < capacity ? covered : capacity);
        vm.assertEq(registry.capacityOf(CPU), registry.record(seller).counted);
    }

    function test_CapacityMovesWithTheClass() public {
        bond(seller, 1000e18);
        bond(buyer, 50e18);
        register(buyer, plain());
        register(seller, plain());
        vm.assertEq(registry.capacityOf(CPU), 1500);
        Node memory node = plain();
        (node.class, node.capacity) = (GPU, 7);
        vm.expectEmit(address(registry));
        emit EventsLib.CapacityCounted(seller, CPU, 0);
        vm.expectEmit(address(registry));
        emit EventsLib.CapacityCounted(seller, GPU, 7);
        register(seller, node);
        vm.assertEq(registry.capacityOf(CPU), 500);
        vm.assertEq(registry.capacityOf(GPU), 7);
    }

    // ---- operator

    function test_OperatorWhoSignedIsRecorded() public {
        register(seller, operated(seller, inAnHour()));
        vm.assertEq(registry.record(seller).operator, other);
    }

    function test_OwnerNeedNoSignatureOfHisOwn() public {
        Node memory node = plain();
        node.operator = seller;
        register(seller, node);
        vm.assertEq(registry.record(seller).operator, seller);
    }

    function test_OperatorNeedNotSignAgainForOtherEndpoints() public {
        register(seller, operated(seller, inAnHour()));
        vm.warp(block.timestamp + 2 hours);
        Node memory node = plain();
        (node.operator, node.endpoints) = (other, "elsewhere");
        register(seller, node);
        vm.assertEq(registry.record(seller).operator, other);

        node.nodeKey = keccak256("another node");
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadExpiry.selector, 0));
        register(seller, node);
    }

    function test_OperatorWhoDidNotSignIsRefused() public {
        Node memory node = operated(seller, inAnHour());
        node.operatorSignature = sign(BUYER_KEY, registry.hashOperates(seller, other, KEY, inAnHour()));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, other));
        register(seller, node);
    }

    function testFuzz_OperatorsSignatureBindsEveryField(uint8 field) public {
        Node memory node = operated(seller, inAnHour());
        address owner = seller;
        address operator = other;
        if (field % 4 == 0) owner = buyer;
        if (field % 4 == 1) node.operator = operator = buyer;
        if (field % 4 == 2) node.nodeKey = keccak256("another node");
        if (field % 4 == 3) ++node.operatorExpiry;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, operator));
        register(owner, node);
    }

    function test_AgreementForAnotherRegistryOrChainIsRefused() public {
        Node memory node = operated(seller, inAnHour());
        FogRegistry twin = new FogRegistry(timelock, address(market), address(stake));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, other));
        vm.prank(seller);
        twin.register(node);

        vm.chainId(block.chainid + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, other));
        register(seller, node);
    }

    function test_AgreementMustEndSoonButNotBePast() public {
        uint40 latest = uint40(block.timestamp + 365 days);
        Node memory node = operated(seller, latest + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadExpiry.selector, latest + 1));
        register(seller, node);

        node = operated(seller, latest);
        vm.warp(latest);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadExpiry.selector, latest));
        register(seller, node);
        vm.warp(latest - 1);
        register(seller, node);
    }

    function test_ContractOperatorSignsByErc1271() public {
        Wallet1271 wallet = new Wallet1271();
        Node memory node = plain();
        (node.operator, node.operatorExpiry, node.operatorSignature) = (address(wallet), inAnHour(), "word");
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, address(wallet)));
        register(seller, node);

        wallet.accept(registry.hashOperates(seller, address(wallet), KEY, inAnHour()), "word");
        register(seller, node);
        vm.assertEq(registry.record(seller).operator, address(wallet));
    }

    function test_DigestIsThatOfEip712() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("fogchain"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
        bytes32 kind = keccak256("Operates(address node,address operator,bytes32 nodeKey,uint40 expiry)");
        bytes32 content = keccak256(abi.encode(kind, seller, other, KEY, inAnHour()));
        vm.assertEq(
            registry.hashOperates(seller, other, KEY, inAnHour()),
            keccak256(abi.encodePacked(hex"1901", domain, content))
        );
    }

    // ---- refusals

    function test_NoKeyIsRefused() public {
        Node memory node = plain();
        node.nodeKey = 0;
        vm.expectRevert(ErrorsLib.BadNodeKey.selector);
        registry.register(node);
    }

    function test_NoClassIsRefused() public {
        Node memory node = plain();
        node.class = 0;
        vm.expectRevert(ErrorsLib.BadClass.selector);
        registry.register(node);
    }

    function testFuzz_SignatureOfAnotherLengthIsRefused(bytes calldata bad) public {
        vm.assume(bad.length != 64);
        Node memory node = plain();
        node.nodeSignature = bad;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignatureLength.selector, bad.length));
        registry.register(node);
    }

    function test_LongEndpointsAreRefused() public {
        Node memory node = plain();
        node.endpoints = string(new bytes(1024));
        registry.register(node);
        node.endpoints = string(new bytes(1025));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.EndpointsTooLong.selector, 1025));
        registry.register(node);
    }

    function test_RegistryKnowsItsPlace() public {
        vm.assertEq(registry.timelock(), timelock);
        vm.assertEq(registry.market(), address(market));
        vm.assertEq(registry.stake(), address(stake));
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogRegistry(address(0), address(market), address(stake));
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogRegistry(timelock, address(0), address(stake));
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogRegistry(timelock, address(market), address(0));
    }
}
