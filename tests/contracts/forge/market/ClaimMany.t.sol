// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claim} from "../../../../contracts/interfaces/IFogMarket.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";
import {MarketTest} from "./MarketTest.sol";

contract ClaimManyTest is MarketTest {
    bytes32[] private ids;

    function setUp() public override {
        super.setUp();
        uint40 expiry = inAnHour();
        for (uint256 i; i < 4; ++i) {
            vm.prank(buyer);
            ids.push(market.openSession(provider, 10e18, expiry, bytes32(i)));
        }
    }

    function testFuzz_AllArePaid(uint96[4] memory amounts, address caller) public {
        Claim[] memory claims = new Claim[](4);
        uint96 paid;
        for (uint256 i; i < 4; ++i) {
            uint96 amount = uint96(amounts[i] % 10e18) + 1;
            claims[i] = claim(ids[i], amount);
            paid += net(amount);
        }
        vm.prank(caller);
        market.claimMany(claims);
        vm.assertEq(market.free(provider), paid);
        for (uint256 i; i < 4; ++i) {
            vm.assertEq(market.session(ids[i]).claimed, claims[i].amount);
        }
    }

    function test_OneThatCannotBeClaimedStopsNoOther() public {
        market.claim(ids[0], 5e18, voucher(ids[0], 5e18));
        vm.prank(provider);
        market.closeSession(ids[1]);
        Claim[] memory claims = new Claim[](6);
        claims[0] = claim(ids[0], 5e18); // claimed before
        claims[1] = claim(ids[1], 5e18); // closed
        claims[2] = claim(ids[2], 10e18 + 1); // above its cap
        claims[3] = Claim({session: ids[2], amount: 5e18, signature: voucher(ids[2], 6e18)}); // forged
        claims[4] = claim(JOB, 5e18); // unknown
        claims[5] = claim(ids[3], 7e18);
        for (uint256 i; i < 5; ++i) {
            vm.expectEmit(address(market));
            emit EventsLib.ClaimSkipped(claims[i].session, claims[i].amount);
        }
        vm.expectEmit(address(market));
        emit EventsLib.VoucherClaimed(ids[3], buyer, provider, net(7e18), fee(7e18), 7e18);
        market.claimMany(claims);
        vm.assertEq(market.free(provider), net(5e18) + net(7e18));
        vm.assertEq(market.session(ids[2]).claimed, 0);
    }

    function test_VouchersOfOneSessionAreCumulative() public {
        Claim[] memory claims = new Claim[](3);
        claims[0] = claim(ids[0], 2e18);
        claims[1] = claim(ids[0], 5e18);
        claims[2] = claim(ids[0], 4e18); // older than the second
        market.claimMany(claims);
        vm.assertEq(market.free(provider), net(2e18) + net(3e18));
    }

    function test_ContractThatTookBackItsWordStopsNoOther() public {
        Wallet1271 wallet = newWallet(10e18);
        wallet.call(address(market), abi.encodeCall(market.openSession, (provider, 10e18, inAnHour(), JOB)));
        bytes32 his = market.sessionId(address(wallet), provider, JOB);
        Claim[] memory claims = new Claim[](2);
        claims[0] = Claim({session: his, amount: 1e18, signature: "word"});
        claims[1] = claim(ids[0], 1e18);
        market.claimMany(claims);
        vm.assertEq(market.free(provider), net(1e18));
        wallet.accept(market.hashVoucher(his, 1e18), "word");
        market.claimMany(claims);
        vm.assertEq(market.free(provider), 2 * net(1e18));
    }

    function claim(bytes32 session, uint96 amount) private view returns (Claim memory) {
        return Claim({session: session, amount: amount, signature: voucher(session, amount)});
    }
}
