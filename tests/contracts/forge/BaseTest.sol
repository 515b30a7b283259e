// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogCourt} from "../../../contracts/FogCourt.sol";
import {FogLens} from "../../../contracts/FogLens.sol";
import {FogMarket} from "../../../contracts/FogMarket.sol";
import {FogPricing} from "../../../contracts/FogPricing.sol";
import {FogRegistry} from "../../../contracts/FogRegistry.sol";
import {FogStake} from "../../../contracts/FogStake.sol";
import {FogToken} from "../../../contracts/FogToken.sol";
import {CourtParameters} from "../../../contracts/interfaces/IFogCourt.sol";
import {Delivery, Parameters, Terms} from "../../../contracts/interfaces/IFogMarket.sol";
import {FirstClass} from "../../../contracts/interfaces/IFogPricing.sol";
import {vm} from "./Vm.sol";
import {newToken} from "./newToken.sol";

/// @notice Deploys the contracts, and gives a buyer 1,000 FOG of which 100 are in the market, and a
/// provider who bonded 50,000.
abstract contract BaseTest {
    uint256 internal constant BUYER_KEY = 0xB0B;
    uint256 internal constant PROVIDER_KEY = 0x9100;
    uint256 internal constant OTHER_KEY = 0x0DD;
    uint256 internal constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint40 internal constant UNBONDING = 7 days;
    uint32 internal constant WINDOW = 30 minutes;
    uint16 internal constant FEE = 100;
    bytes32 internal constant JOB = keccak256("job");
    bytes32 internal constant RESULT = keccak256("result");

    address internal immutable buyer = vm.addr(BUYER_KEY);
    address internal immutable provider = vm.addr(PROVIDER_KEY);
    address internal immutable other = vm.addr(OTHER_KEY);
    address internal constant treasury = address(0x7EA);
    address internal constant timelock = address(0x71);
    address internal constant guardian = address(0x6A);

    FogToken internal token;
    FogStake internal stake;
    FogMarket internal market;
    FogCourt internal court;
    FogRegistry internal registry;
    FogPricing internal pricing;
    FogLens internal lens;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.roll(1_000_000);
        token = newToken(treasury);
        deploy(address(token));

        vm.startPrank(treasury);
        token.transfer(buyer, 1000e18);
        token.transfer(provider, 50_000e18);
        vm.stopPrank();
        vm.startPrank(buyer);
        token.approve(address(market), type(uint256).max);
        token.approve(address(stake), type(uint256).max);
        market.deposit(100e18);
        vm.stopPrank();
        vm.startPrank(provider);
        token.approve(address(stake), type(uint256).max);
        stake.bond(50_000e18);
        vm.stopPrank();
    }

    /// @dev All but the governor, over `token_`. They know each other's addresses before they are there.
    function deploy(address token_) internal {
        uint64 nonce = vm.getNonce(address(this));
        (address market_, address pricing_) = (created(nonce + 1), created(nonce + 4));
        stake = new FogStake(token_, market_, timelock, UNBONDING);
        market = new FogMarket(token_, address(stake), timelock, guardian, pricing_, parameters(created(nonce + 2)));
        court = new FogCourt(address(market), address(stake), timelock, token_, courtParameters());
        registry = new FogRegistry(timelock, address(market), address(stake));
        pricing = new FogPricing(timelock, address(market), address(registry), new FirstClass[](0));
        lens = new FogLens(address(market), address(registry));
    }

    function created(uint64 nonce) private view returns (address) {
        return vm.computeCreateAddress(address(this), nonce);
    }

    function parameters(address court_) internal pure returns (Parameters memory) {
        return Parameters({court: court_, challengeWindow: WINDOW, feeBps: FEE, bondMultiple: 40});
    }

    function courtParameters() internal pure returns (CourtParameters memory) {
        return CourtParameters({
            commitTime: 10 minutes,
            revealTime: 10 minutes,
            auditMinBps: 200,
            auditFactor: 2,
            slashMultiple: 40,
            seatBond: 1000e18
        });
    }

    /* JOBS */

    /// @dev 10 FOG at most, 1 FOG per 10^9 fuel, a breach of 2; inputs in 10 minutes, due in an hour, grace of another.
    function terms() internal view returns (Terms memory) {
        return Terms({
            buyer: buyer,
            provider: provider,
            price: 10e18,
            rate: 1e18,
            breach: 2e18,
            inputBy: uint40(block.timestamp + 10 minutes),
            due: uint40(block.timestamp + 1 hours),
            lateBy: uint40(block.timestamp + 2 hours),
            work: keccak256("work")
        });
    }

    function open(Terms memory t) internal returns (bytes32 id) {
        bytes memory signature = sign(PROVIDER_KEY, market.hashTerms(t));
        vm.prank(t.buyer);
        id = market.open(t, signature);
    }

    /// @dev Delivers RESULT with 4 * 10^9 fuel.
    function deliver(Terms memory t) internal returns (Delivery memory) {
        return deliver(t, RESULT, 4e9);
    }

    function deliver(Terms memory t, bytes32 result, uint64 fuel) internal returns (Delivery memory) {
        vm.prank(t.provider);
        market.deliver(t, result, fuel);
        return Delivery({result: result, fuel: fuel, at: uint40(block.timestamp)});
    }

    /* SESSIONS */

    /// @dev A session of the buyer with the provider that expires in an hour.
    function openSession(uint96 cap) internal returns (bytes32 id) {
        vm.prank(buyer);
        id = market.openSession(provider, cap, inAnHour(), JOB);
    }

    function inAnHour() internal view returns (uint40) {
        return uint40(block.timestamp + 1 hours);
    }

    function voucher(bytes32 id, uint96 amount) internal view returns (bytes memory) {
        return sign(BUYER_KEY, market.hashVoucher(id, amount));
    }

    /// @dev What is left of `gross` after the fee.
    function net(uint96 gross) internal pure returns (uint96) {
        return gross - fee(gross);
    }

    function fee(uint96 gross) internal pure returns (uint96) {
        return uint96(uint256(gross) * FEE / 10_000);
    }

    /* SIGNATURES */

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function permitDigest(address owner, address spender, uint256 amount, uint256 deadline)
        internal
        view
        returns (bytes32)
    {
        bytes32 kind = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 content = keccak256(abi.encode(kind, owner, spender, amount, token.nonces(owner), deadline));
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), content));
    }
}
