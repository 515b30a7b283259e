// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

contract PageTest is RegistryTest {
    function testFuzz_PagesGiveEveryOwnerOnce(uint256 records, uint256 size) public {
        records %= 12;
        size = 1 + size % 14;
        for (uint160 i; i < records; ++i) {
            register(address(0x1000 + i), plain());
        }
        uint256 seen;
        for (uint256 start; start < records; start += size) {
            address[] memory owners = registry.page(start, size);
            vm.assertEq(owners.length, records - start < size ? records - start : size);
            for (uint256 i; i < owners.length; ++i) {
                vm.assertEq(owners[i], address(uint160(0x1000 + seen++)));
            }
        }
        vm.assertEq(seen, records);
        vm.assertEq(registry.count(), records);
    }

    function testFuzz_BeyondTheEndIsEmpty(uint256 start, uint256 n) public {
        register(seller, plain());
        vm.assertEq(registry.page(start == 0 ? 1 : start, n).length, 0);
        vm.assertEq(registry.page(0, n).length, n == 0 ? 0 : 1);
    }
}
