// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogToken} from "./interfaces/IFogToken.sol";
import {SUPPLY} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {
    ERC20TransferAuthorization
} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20TransferAuthorization.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {NoncesKeyed} from "@openzeppelin/contracts/utils/NoncesKeyed.sol";

/// @title FogToken
/// @notice FOG, the token that work is paid in.
contract FogToken is ERC20, ERC20Burnable, ERC20Permit, ERC20TransferAuthorization, IFogToken {
    /* CONSTRUCTOR */

    /// @param recipients Who gets the supply: the treasury, and contracts that release it over time.
    /// @param amounts What each gets, in base units. Together they are SUPPLY.
    constructor(address[] memory recipients, uint96[] memory amounts) ERC20("fogchain", "FOG") ERC20Permit("fogchain") {
        if (recipients.length != amounts.length) {
            revert ErrorsLib.LengthMismatch(recipients.length, amounts.length);
        }
        for (uint256 i; i < recipients.length; ++i) {
            _mint(recipients[i], amounts[i]);
        }
        if (totalSupply() != SUPPLY) revert ErrorsLib.NotTheSupply(totalSupply());
    }

    /* BURNING */

    /// @inheritdoc IFogToken
    function burn(uint256 amount) public override(ERC20Burnable, IFogToken) {
        super.burn(amount);
    }

    /* NONCES */

    // OpenZeppelin has authorizations counted by key. Here their nonces are any 32 bytes, as ERC-3009 says and wallets
    // draw them, and apart from those of permits.

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(ERC20Permit, IERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    /// @inheritdoc IERC3009
    function authorizationState(address authorizer, bytes32 nonce)
        public
        view
        override(ERC20TransferAuthorization, IERC3009)
        returns (bool)
    {
        return ERC3009.authorizationState(authorizer, nonce);
    }

    function _consumeNonce(address authorizer, bytes32 nonce) internal override {
        ERC3009._consumeNonce(authorizer, nonce);
    }

    function _useCheckedNonce(address owner, uint256 nonce) internal override(Nonces, NoncesKeyed) {
        Nonces._useCheckedNonce(owner, nonce);
    }
}
