// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @notice Votes of tokens that lie in it, by block time; they leave at once.
contract BondedVotes is Votes {
    IERC20 private immutable token;
    mapping(address owner => uint96) public bonded;

    constructor(IERC20 token_) EIP712("BondedVotes", "1") {
        token = token_;
    }

    function bond(uint96 amount) external {
        token.transferFrom(msg.sender, address(this), amount);
        bonded[msg.sender] += amount;
        _transferVotingUnits(address(0), msg.sender, amount);
    }

    function unbond(uint96 amount) external {
        bonded[msg.sender] -= amount;
        _transferVotingUnits(msg.sender, address(0), amount);
        token.transfer(msg.sender, amount);
    }

    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _getVotingUnits(address owner) internal view override returns (uint256) {
        return bonded[owner];
    }
}
