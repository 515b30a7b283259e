// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogMarket} from "../../../contracts/FogMarket.sol";
import {FogRegistry} from "../../../contracts/FogRegistry.sol";
import {FogStake} from "../../../contracts/FogStake.sol";
import {FogToken} from "../../../contracts/FogToken.sol";
import {vm} from "./Vm.sol";
import {newToken} from "./newToken.sol";

/// @notice Deploys all contracts, and gives a buyer 1,000 FOG of which 100 are in the market.
abstract contract BaseTest {
    uint256 internal constant BUYER_KEY = 0xB0B;
    uint256 internal constant OTHER_KEY = 0x0DD;
    uint40 internal constant UNBONDING = 7 days;
    bytes32 internal constant JOB = keccak256("job");

    address internal immutable buyer = vm.addr(BUYER_KEY);
    address internal immutable other = vm.addr(OTHER_KEY);
    address internal constant treasury = address(0x7EA);
    address internal constant timelock = address(0x71E);
    address internal constant provider = address(0x9100);

    FogToken internal token;
    FogMarket internal market;
    FogStake internal stake;
    FogRegistry internal registry;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        token = newToken(treasury);
        market = new FogMarket(address(token));
        stake = new FogStake(address(token), UNBONDING);
        registry = new FogRegistry(timelock, address(market), address(stake));

        vm.prank(treasury);
        token.transfer(buyer, 1000e18);
        vm.startPrank(buyer);
        token.approve(address(market), type(uint256).max);
        token.approve(address(stake), type(uint256).max);
        market.deposit(100e18);
        vm.stopPrank();
    }

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
