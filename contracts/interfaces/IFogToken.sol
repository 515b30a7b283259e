// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC3009, IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title IFogToken
/// @notice FOG, the token that work is paid in: ERC-20 with permits (ERC-2612) and signed transfers (ERC-3009). The
/// whole supply is made at deployment; nobody can make more, freeze an account or stop transfers.
/// @dev The three functions of ERC-3009 also take the signature as bytes, and then that of a contract (ERC-1271).
interface IFogToken is IERC20, IERC20Permit, IERC3009, IERC3009Cancel {
    /// @notice Destroys `amount` of the caller's FOG.
    function burn(uint256 amount) external;
}
