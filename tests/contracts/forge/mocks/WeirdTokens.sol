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

/// @notice Says that every transfer failed, and makes none, once told to.
contract FalseToken is ERC20 {
    bool public refuses;

    constructor() ERC20("false", "FALSE") {
        _mint(msg.sender, 1000e18);
    }

    function refuse() external {
        refuses = true;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !refuses && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !refuses && super.transferFrom(from, to, amount);
    }
}

/// @notice Says that a transfer succeeded and makes none.
contract LyingToken is ERC20 {
    constructor() ERC20("lying", "LIE") {
        _mint(msg.sender, 1000e18);
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }
}

/// @notice Returns nothing from its transfers, as some of the oldest tokens do.
contract NoReturnToken {
    mapping(address owner => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    constructor() {
        balanceOf[msg.sender] = 1000e18;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice Refuses to pay whom it has on its list.
contract BlockingToken is ERC20 {
    mapping(address account => bool) public blocked;

    constructor() ERC20("blocking", "BLOCK") {
        _mint(msg.sender, 1000e18);
    }

    function setBlocked(address account, bool blocked_) external {
        blocked[account] = blocked_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!blocked[to], "blocked");
        super._update(from, to, amount);
    }
}
