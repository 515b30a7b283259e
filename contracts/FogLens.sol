// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogCourt} from "./interfaces/IFogCourt.sol";
import {AccountView, ClassView, IFogLens, JobView, NetworkView, NodeView} from "./interfaces/IFogLens.sol";
import {IFogMarket, Session} from "./interfaces/IFogMarket.sol";
import {IFogPricing} from "./interfaces/IFogPricing.sol";
import {IFogRegistry} from "./interfaces/IFogRegistry.sol";
import {IFogStake} from "./interfaces/IFogStake.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title FogLens
/// @notice Views of all contracts in few calls.
contract FogLens is IFogLens {
    /* IMMUTABLES */

    IERC20 internal immutable _token;
    IFogStake internal immutable _stake;
    IFogMarket internal immutable _market;
    IFogRegistry internal immutable _registry;

    /* CONSTRUCTOR */

    constructor(address market, address registry) {
        if (market == address(0) || registry == address(0)) revert ErrorsLib.ZeroAddress();
        (_market, _registry) = (IFogMarket(market), IFogRegistry(registry));
        (_token, _stake) = (IERC20(_market.token()), IFogStake(_market.stake()));
    }

    /* VIEWS */

    /// @inheritdoc IFogLens
    function accounts(address[] calldata owners) external view returns (AccountView[] memory views) {
        IFogCourt court = _court();
        views = new AccountView[](owners.length);
        for (uint256 i; i < owners.length; ++i) {
            AccountView memory v = views[i];
            address owner = owners[i];
            (v.owner, v.wallet, v.free) = (owner, _token.balanceOf(owner), _market.free(owner));
            (v.fees,) = _market.withheld(owner);
            (v.bonded, v.rewards, v.unbonding) =
            (_stake.bonded(owner), _stake.rewardsOf(owner), _stake.unbonding(owner));
            (v.votes, v.delegatee) = (_stake.getVotes(owner), _stake.delegates(owner));
            (v.seats, v.auditPay) = (court.seatsOf(owner), court.earned(owner));
        }
    }

    /// @inheritdoc IFogLens
    function nodes(uint256 start, uint256 count) external view returns (NodeView[] memory views) {
        IFogCourt court = _court();
        address[] memory owners = _registry.page(start, count);
        views = new NodeView[](owners.length);
        for (uint256 i; i < owners.length; ++i) {
            NodeView memory v = views[i];
            address owner = owners[i];
            (v.owner, v.record, v.bonded) = (owner, _registry.record(owner), _stake.bonded(owner));
            (, v.counted) = _registry.capacity(owner);
            (v.cleared, v.auditRate) = (court.cleared(owner), court.auditRate(owner));
        }
    }

    /// @inheritdoc IFogLens
    function jobs(bytes32[] calldata ids) external view returns (JobView[] memory views) {
        views = new JobView[](ids.length);
        for (uint256 i; i < ids.length; ++i) {
            (views[i].id, views[i].job) = (ids[i], _market.job(ids[i]));
            address court = _market.courtOf(ids[i]);
            if (court != address(0)) views[i].court = IFogCourt(court).caseOf(ids[i]);
        }
    }

    /// @inheritdoc IFogLens
    function sessions(bytes32[] calldata ids) external view returns (Session[] memory found) {
        found = new Session[](ids.length);
        for (uint256 i; i < ids.length; ++i) {
            found[i] = _market.session(ids[i]);
        }
    }

    /// @inheritdoc IFogLens
    function classes() external view returns (ClassView[] memory views) {
        IFogPricing pricing = IFogPricing(_market.pricing());
        bytes32[] memory names = pricing.classes();
        views = new ClassView[](names.length);
        for (uint256 i; i < names.length; ++i) {
            views[i] = ClassView({
                name: names[i], class: pricing.resourceClass(names[i]), capacity: _registry.capacityOf(names[i])
            });
        }
    }

    /// @inheritdoc IFogLens
    function network() external view returns (NetworkView memory v) {
        IFogCourt court = _court();
        (v.supply, v.escrow) = (_token.totalSupply(), _token.balanceOf(address(_market)));
        v.bonded = _stake.totalBonded();
        (v.rewardRate, v.rewardEnd) = _stake.stream();
        (v.nodes, v.seats, v.auditPool) = (_registry.count(), court.seatCount(), court.pool());
        (v.parameters, v.version, v.stoppedUntil) = _market.current();
    }

    /* INTERNAL */

    /// @dev The court of jobs that are opened now.
    function _court() internal view returns (IFogCourt) {
        (, uint16 version,) = _market.current();
        return IFogCourt(_market.parametersOf(version).court);
    }
}
