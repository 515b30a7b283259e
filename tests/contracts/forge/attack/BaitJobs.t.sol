// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobState} from "../../../../contracts/interfaces/IFogMarket.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "../court/CourtTest.sol";

/// @notice Gives the whole of a slash to who was wronged.
contract VictimTakesAll {
    uint96 private constant MULTIPLE = 40;
    mapping(address => uint256) public bonds;

    function bond(uint96 amount) external {
        bonds[msg.sender] += amount;
    }

    function convict(address provider, address victim, uint96 price) external {
        bonds[provider] -= MULTIPLE * price;
        bonds[victim] += MULTIPLE * price;
    }
}

/// @notice A buyer makes jobs whose answer others can't get, to live of the slashes.
contract BaitJobsTest is CourtTest {
    function test_Proof_BaitEarnsFortyTimesItsPrice() public {
        VictimTakesAll naive = new VictimTakesAll();
        vm.prank(provider);
        naive.bond(50_000e18);
        naive.convict(provider, buyer, PRICE);
        vm.assertEq(naive.bonds(buyer), 40 * PRICE);
    }

    /// @dev Here it earns the price at most, and most of what the provider loses is nobody's.
    function test_Fix_BaitEarnsItsPriceAtMost() public {
        uint256 had = token.balanceOf(buyer) + market.free(buyer);
        uint256 supply = token.totalSupply();
        challenged();
        vote(0, 3);
        close();
        assertState(JobState.Slashed);
        uint256 has = token.balanceOf(buyer) + market.free(buyer);
        vm.assertEq(has - had, PRICE);
        vm.assertEq(supply - token.totalSupply(), 40 * PRICE - PRICE);
    }

    /// @dev With a friend as the finder it earns a quarter of the rest, which takes an audit that was drawn and a
    /// committee that says so; he himself, under whichever of his two names, has none of it.
    function test_Fix_BuyerIsNoFinder() public {
        uint256 had = token.balanceOf(buyer) + market.free(buyer);
        delivered();
        pass(2);
        vm.prank(buyer);
        court.audit(t, d);
        vote(0, 3);
        close();
        vm.assertEq(token.balanceOf(buyer) + market.free(buyer) - had, PRICE);
    }

    /// @dev A provider who has himself convicted, to have a friend found it and a friend paid, loses more than they get.
    function test_Fix_ToBeConvictedBySelfIsDear() public {
        uint256 bonded = stake.bonded(provider);
        uint256 friends = token.balanceOf(buyer) + market.free(buyer) + token.balanceOf(other);
        audited(); // found by `other`
        vote(0, 3);
        close();
        uint256 lost = bonded - stake.bonded(provider);
        uint256 won = token.balanceOf(buyer) + market.free(buyer) + token.balanceOf(other) - friends;
        vm.assertEq(lost, 400e18);
        vm.assertEq(won, 10e18 + 97.5e18);
    }

    /// @dev And a bait without a verdict costs its bond: see GriefingChallenge.
    function test_Fix_BaitThatFailsCostsThePrice() public {
        uint256 had = token.balanceOf(buyer) + market.free(buyer);
        challenged();
        vote(2, 1);
        close();
        vm.assertEq(had - token.balanceOf(buyer) - market.free(buyer), PRICE + 4e18);
    }
}
