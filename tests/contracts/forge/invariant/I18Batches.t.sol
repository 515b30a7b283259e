// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claim} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {bound, vm} from "../Vm.sol";

/// @notice I18: a batch of payments is paid whole or not at all, and the refusal names the item; a batch of claims is
/// paid as far as it goes.
contract I18BatchesTest is BaseTest {
    uint32 private constant PAID = 7777;

    address[] private payees;

    function setUp() public override {
        super.setUp();
        payees.push(provider);
        payees.push(other);
        vm.prank(buyer);
        market.settleBatch(payees, item(0, PAID, 1));
    }

    function item(uint16 payee, uint32 number, uint80 amount) private pure returns (bytes memory) {
        return abi.encodePacked(payee, number, amount);
    }

    /// @dev A batch of `count`, of which the one at `bad` is wrong: for a payee who is not named, or paid before.
    function batch(uint256 count, uint256 bad, bool paid) private pure returns (bytes memory items) {
        for (uint256 i; i < count; ++i) {
            bytes memory wrong = paid ? item(0, PAID, 1) : item(2, uint32(i), 1);
            items = abi.encodePacked(items, i == bad ? wrong : item(uint16(i % 2), uint32(i), 1e9));
        }
    }

    function testFuzz_WrongItemIsNamedAndNothingIsPaid(uint256 count, uint256 bad, bool paid) public {
        count = bound(count, 1, 300);
        bad = bound(bad, 0, count - 1);
        bytes memory items = batch(count, bad, paid);
        bytes memory why = paid
            ? abi.encodeWithSelector(ErrorsLib.AlreadySettled.selector, bad, PAID)
            : abi.encodeWithSelector(ErrorsLib.BadBatch.selector, bad);
        uint96 before = market.free(buyer);
        vm.expectRevert(why);
        vm.prank(buyer);
        market.settleBatch(payees, items);
        vm.assertEq(market.free(buyer), before);
        vm.assertFalse(market.settled(buyer, uint32(bad == 0 ? count : 0)));

        // Without it the others are paid as ever.
        items = batch(count, count, paid);
        vm.prank(buyer);
        market.settleBatch(payees, items);
        vm.assertEq(before - market.free(buyer), count * 1e9);
    }

    /// @dev Of claims, any subset is spoilt: by another's signature, above the cap, or a session that never was.
    function testFuzz_WrongClaimsStopNoOther(uint8 spoilt, uint256 how) public {
        Claim[] memory claims = new Claim[](8);
        uint256 good;
        for (uint256 i; i < 8; ++i) {
            vm.prank(buyer);
            bytes32 id = market.openSession(provider, 2e18, inAnHour(), bytes32(i + 1));
            claims[i] = Claim({session: id, amount: 1e18, signature: voucher(id, 1e18)});
            if ((spoilt >> i) & 1 == 0) {
                good += net(1e18);
                continue;
            }
            uint256 way = (how >> (8 * i)) % 4;
            if (way == 0) claims[i].signature = sign(OTHER_KEY, market.hashVoucher(id, 1e18));
            else if (way == 1) (claims[i].amount, claims[i].signature) = (3e18, voucher(id, 3e18));
            else if (way == 2) claims[i].session = bytes32(how);
            else claims[i].signature = "";
        }
        uint96 before = market.free(provider);
        market.claimMany(claims);
        vm.assertEq(market.free(provider) - before, good);
    }
}
