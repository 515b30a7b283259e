// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, JobState, Parameters, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";

/// @notice What tests of jobs share.
abstract contract MarketTest is BaseTest {
    /// @dev A court that is a plain account: it judges as its tests tell it.
    address internal constant judge = address(0x10D6E);

    /// @dev `terms` with a fixed price and no breach.
    function plain() internal view returns (Terms memory t) {
        t = terms();
        (t.rate, t.breach) = (0, 0);
    }

    /// @dev Jobs that are opened from now on are judged by `judge`.
    function appointJudge() internal {
        vm.prank(timelock);
        market.setParameters(parameters(judge));
    }

    /// @dev A job that waits for `judge`. RESULT was delivered with 4 * 10^9 fuel, so it is worth 4 FOG.
    function challenged() internal returns (Terms memory t, Delivery memory d, bytes32 id) {
        appointJudge();
        t = terms();
        id = open(t);
        d = deliver(t);
        vm.prank(judge);
        market.challenge(t, d);
    }

    function acceptance(bytes32 id, uint96 amount) internal view returns (bytes memory) {
        return sign(BUYER_KEY, market.hashAcceptance(id, amount));
    }

    /// @dev A contract account with `amount` in the market.
    function newWallet(uint96 amount) internal returns (Wallet1271 wallet) {
        wallet = new Wallet1271();
        vm.prank(treasury);
        token.transfer(address(wallet), amount);
        wallet.call(address(token), abi.encodeCall(token.approve, (address(market), amount)));
        wallet.call(address(market), abi.encodeCall(market.deposit, (amount)));
    }

    /// @dev The 64 bytes of EIP-2098.
    function compact(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, uint256(s) | uint256(v - 27) << 255);
    }

    function assertState(bytes32 id, JobState state) internal view {
        vm.assertEq(uint256(market.job(id).state), uint256(state));
    }

    function expectWrongState(bytes32 id, JobState state) internal {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.WrongState.selector, id, uint8(state)));
    }

    function expectBadSignature(address signer) internal {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, signer));
    }
}
