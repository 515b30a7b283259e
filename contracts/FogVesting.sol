// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogVesting} from "./interfaces/IFogVesting.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {VestingWallet} from "@openzeppelin/contracts/finance/VestingWallet.sol";
import {VestingWalletCliff} from "@openzeppelin/contracts/finance/VestingWalletCliff.sol";

/// @title FogVesting
/// @notice Releases what it holds to a beneficiary over time.
contract FogVesting is VestingWalletCliff, IFogVesting {
    /* CONSTRUCTOR */

    /// @param beneficiary Who gets what is released, and may name another in his place.
    /// @param start When the schedule begins: Unix seconds.
    /// @param cliff Seconds from the start before which nothing is released. Then all is that vested meanwhile.
    /// @param duration Seconds from the start after which everything is released.
    constructor(address beneficiary, uint64 start, uint64 cliff, uint64 duration)
        VestingWallet(beneficiary, start, duration)
        VestingWalletCliff(cliff)
    {}

    /* RELEASE */

    /// @inheritdoc IFogVesting
    function release(address token) public override(VestingWallet, IFogVesting) {
        super.release(token);
    }

    /// @inheritdoc IFogVesting
    function renounceOwnership() public pure override(Ownable, IFogVesting) {
        revert ErrorsLib.Fixed();
    }

    /* VIEWS */

    /// @inheritdoc IFogVesting
    function releasable(address token) public view override(VestingWallet, IFogVesting) returns (uint256) {
        return super.releasable(token);
    }
}
