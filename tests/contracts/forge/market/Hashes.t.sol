// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms, Work} from "../../../../contracts/interfaces/IFogMarket.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

/// @notice What is signed is what EIP-712 says: computed here from the types alone.
contract HashesTest is MarketTest {
    string private constant WORK_TYPE = "Work(bytes32 spec,uint8 quorum,address[] replicas,uint256 salt)";
    string private constant TERMS_TYPE = "Terms(address buyer,address provider,uint96 price,uint96 rate,uint96 breach,"
        "uint40 inputBy,uint40 due,uint40 lateBy,Work work)";

    function testFuzz_Terms(Terms calldata t) public view {
        bytes32 kind = keccak256(bytes.concat(bytes(TERMS_TYPE), bytes(WORK_TYPE)));
        bytes32 content = keccak256(
            abi.encode(
                kind, t.buyer, t.provider, t.price, t.rate, t.breach, t.inputBy, t.due, t.lateBy, bytes32(t.work)
            )
        );
        vm.assertEq(market.hashTerms(t), digest(content));
    }

    function testFuzz_Work(Work calldata work) public view {
        bytes memory members;
        for (uint256 i; i < work.replicas.length; ++i) {
            members = bytes.concat(members, abi.encode(work.replicas[i]));
        }
        bytes32 content =
            keccak256(abi.encode(keccak256(bytes(WORK_TYPE)), work.spec, work.quorum, keccak256(members), work.salt));
        vm.assertEq(market.hashWork(work), content);
    }

    function testFuzz_Acceptance(bytes32 job, uint96 amount) public view {
        bytes32 kind = keccak256("Acceptance(bytes32 job,uint96 amount)");
        vm.assertEq(market.hashAcceptance(job, amount), digest(keccak256(abi.encode(kind, job, amount))));
    }

    function testFuzz_Replica(bytes32 job, bytes32 result, uint64 fuel) public view {
        bytes32 kind = keccak256("Replica(bytes32 job,bytes32 result,uint64 fuel)");
        vm.assertEq(market.hashReplica(job, result, fuel), digest(keccak256(abi.encode(kind, job, result, fuel))));
    }

    function testFuzz_Voucher(bytes32 session, uint96 amount) public view {
        bytes32 kind = keccak256("Voucher(bytes32 session,uint96 amount)");
        vm.assertEq(market.hashVoucher(session, amount), digest(keccak256(abi.encode(kind, session, amount))));
    }

    function testFuzz_DomainIsThatOfTheChain(uint64 chain) public {
        bytes32 here = market.hashVoucher(JOB, 1);
        vm.assertEq(market.domainSeparator(), domain());
        vm.assume(chain != 0 && chain != block.chainid);
        vm.chainId(chain);
        vm.assertEq(market.domainSeparator(), domain());
        vm.assertTrue(market.hashVoucher(JOB, 1) != here);
        testFuzz_Voucher(JOB, 1);
    }

    function domain() private view returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(kind, keccak256("fogchain"), keccak256("1"), block.chainid, address(market)));
    }

    function digest(bytes32 content) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain(), content));
    }
}
