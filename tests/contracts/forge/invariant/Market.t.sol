// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogMarket} from "../../../../contracts/FogMarket.sol";
import {FogToken} from "../../../../contracts/FogToken.sol";
import {Session} from "../../../../contracts/interfaces/IFogMarket.sol";
import {vm} from "../Vm.sol";
import {newToken} from "../newToken.sol";
import {MarketActor} from "./MarketActor.sol";

/// @notice What holds whatever buyers and providers do. Numbers are those of the market's specification, §7.
contract MarketInvariantTest {
    FogToken private token;
    FogMarket private market;
    MarketActor private actor;

    function setUp() public {
        vm.warp(1_800_000_000);
        token = newToken(address(this));
        market = new FogMarket(address(token));
        actor = new MarketActor(token, market);
        address[] memory buyers = actor.buyers();
        for (uint256 i; i < buyers.length; ++i) {
            token.transfer(buyers[i], 1000e18);
        }
    }

    /// @dev Foundry asks which contracts to call.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actor);
    }

    /// @dev Above the cap, forged, or closed by the buyer before the expiry.
    function invariant_NothingWrongIsDone() public view {
        vm.assertEq(actor.wrongs(), 0, "a forged or excessive claim, or an early close, went through");
    }

    /// @dev I1
    function invariant_TokensCoverAllBalances() public view {
        uint256 owed;
        address[] memory buyers = actor.buyers();
        for (uint256 i; i < buyers.length; ++i) {
            owed += uint256(market.free(buyers[i])) + market.locked(buyers[i]);
        }
        vm.assertGe(token.balanceOf(address(market)), owed, "I1: balances exceed the market's tokens");
    }

    /// @dev I2
    function invariant_BooksOfEveryBuyerAddUp() public view {
        address[] memory buyers = actor.buyers();
        for (uint256 i; i < buyers.length; ++i) {
            address buyer = buyers[i];
            uint256 has = uint256(market.free(buyer)) + market.locked(buyer);
            vm.assertEq(actor.deposited(buyer), actor.withdrawn(buyer) + actor.paid(buyer) + has, "I2: a buyer's books");
        }
    }

    /// @dev I4, I5
    function invariant_SessionsPayNoMoreThanTheirCap() public view {
        for (uint256 i; i < actor.sessionCount(); ++i) {
            bytes32 id = actor.sessions(i);
            Session memory s = market.session(id);
            vm.assertLe(s.claimed, s.cap, "I5: claimed above the cap");
            vm.assertEq(actor.paidBy(id), s.claimed, "I4: paid something else than claimed");
        }
    }

    /// @dev What is locked is exactly what open sessions may still pay.
    function invariant_LockedIsWhatOpenSessionsMayPay() public view {
        address[] memory buyers = actor.buyers();
        for (uint256 i; i < buyers.length; ++i) {
            uint256 open;
            for (uint256 j; j < actor.sessionCount(); ++j) {
                Session memory s = market.session(actor.sessions(j));
                if (s.open && s.buyer == buyers[i]) open += s.cap - s.claimed;
            }
            vm.assertEq(market.locked(buyers[i]), open, "locked differs from the open sessions");
        }
    }
}
