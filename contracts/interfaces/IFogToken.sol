// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title IFogToken
/// @notice FOG, the token that work is paid in: ERC-20 with permits (ERC-2612). The whole supply is made at deployment;
/// nobody can make more, freeze an account or stop transfers.
interface IFogToken is IERC20, IERC20Permit {}
