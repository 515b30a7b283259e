// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogToken} from "./interfaces/IFogToken.sol";
import {SUPPLY} from "./libraries/ConstantsLib.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title FogToken
/// @notice FOG, the token that work is paid in.
contract FogToken is ERC20, ERC20Permit, IFogToken {
    /// @param treasury Who receives the whole supply.
    constructor(address treasury) ERC20("fogchain", "FOG") ERC20Permit("fogchain") {
        _mint(treasury, SUPPLY);
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(ERC20Permit, IERC20Permit) returns (uint256) {
        return super.nonces(owner);
    }
}
