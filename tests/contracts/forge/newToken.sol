// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogToken} from "../../../contracts/FogToken.sol";
import {SUPPLY} from "../../../contracts/libraries/ConstantsLib.sol";

/// @dev FOG of which `holder` has all.
function newToken(address holder) returns (FogToken) {
    address[] memory recipients = new address[](1);
    uint96[] memory amounts = new uint96[](1);
    (recipients[0], amounts[0]) = (holder, uint96(SUPPLY));
    return new FogToken(recipients, amounts);
}
