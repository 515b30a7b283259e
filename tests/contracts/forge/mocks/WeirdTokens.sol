// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Takes one percent of every transfer.
contract FeeToken is ERC20 {
    constructor() ERC20("fee", "FEE") {
        _mint(msg.sender, 1000e18);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(0), amount / 100);
    }
}

/// @notice Calls whatever it is told to before each transfer, as ERC-777's hooks do.
contract HookToken is ERC20 {
    address public target;
    bytes public data;
    bool public tried;
    bytes public answer;

    constructor() ERC20("hook", "HOOK") {
        _mint(msg.sender, 1000e18);
    }

    function aim(address target_, bytes calldata data_) external {
        (target, data, tried) = (target_, data_, false);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (target != address(0)) {
            tried = true;
            (, answer) = target.call(data);
        }
        super._update(from, to, amount);
    }
}
