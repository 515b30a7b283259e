// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogMarket, Session} from "./interfaces/IFogMarket.sol";
import {MAX_SESSION_LENGTH, VOUCHER_TYPEHASH} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title FogMarket
/// @notice Holds all escrow: balances, sessions, vouchers.
contract FogMarket is IFogMarket, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev One slot a buyer.
    struct Account {
        uint96 free;
        uint96 locked;
    }

    /* IMMUTABLES */

    /// @inheritdoc IFogMarket
    address public immutable token;

    /* STORAGE */

    mapping(address owner => Account) internal _accounts;

    /// @dev A closed session keeps its record, so that its id, and with it an old voucher, never comes back to life.
    mapping(bytes32 id => Session) internal _sessions;

    /* CONSTRUCTOR */

    constructor(address token_) EIP712("fogchain", "1") {
        if (token_ == address(0)) revert ErrorsLib.ZeroAddress();
        token = token_;
    }

    /* BALANCES */

    /// @inheritdoc IFogMarket
    function deposit(uint96 amount) external nonReentrant {
        _deposit(amount);
    }

    /// @inheritdoc IFogMarket
    function depositWithPermit(uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external nonReentrant {
        // Anyone who saw the permit can use it first; then it fails here, but the allowance is there all the same.
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(amount);
    }

    /// @inheritdoc IFogMarket
    function withdraw(uint96 amount) external nonReentrant {
        if (amount == 0) revert ErrorsLib.ZeroAmount();

        Account storage account = _accounts[msg.sender];
        _takeFree(account, amount);
        emit EventsLib.Withdrawn(msg.sender, amount);

        IERC20(token).safeTransfer(msg.sender, amount);
    }

    /* SESSIONS */

    /// @inheritdoc IFogMarket
    function openSession(address provider, uint96 cap, uint40 expiry, bytes32 job)
        external
        nonReentrant
        returns (bytes32 id)
    {
        if (provider == address(0)) revert ErrorsLib.ZeroAddress();
        if (cap == 0) revert ErrorsLib.ZeroAmount();
        if (expiry <= block.timestamp || expiry > block.timestamp + MAX_SESSION_LENGTH) {
            revert ErrorsLib.BadExpiry(expiry);
        }
        id = sessionId(msg.sender, provider, job);
        if (_sessions[id].buyer != address(0)) revert ErrorsLib.SessionExists(id);

        _lock(msg.sender, cap);
        _sessions[id] = Session({
            buyer: msg.sender, cap: cap, provider: provider, claimed: 0, expiry: expiry, open: true, job: job
        });
        emit EventsLib.SessionOpened(id, msg.sender, provider, job, cap, expiry);
    }

    /// @inheritdoc IFogMarket
    function topUp(bytes32 id, uint96 amount) external nonReentrant {
        if (amount == 0) revert ErrorsLib.ZeroAmount();
        Session storage s = _openSession(id);
        if (msg.sender != s.buyer) revert ErrorsLib.NotBuyer(msg.sender);

        _lock(msg.sender, amount);
        uint96 cap = s.cap + amount;
        s.cap = cap;
        emit EventsLib.SessionToppedUp(id, cap);
    }

    /// @inheritdoc IFogMarket
    function claim(bytes32 id, uint96 amount, bytes calldata signature) external nonReentrant {
        Session storage s = _openSession(id);
        if (amount <= s.claimed) revert ErrorsLib.NothingToClaim(amount, s.claimed);
        address provider = s.provider;

        uint96 paid = _redeem(id, s, amount, signature);

        IERC20(token).safeTransfer(provider, paid);
    }

    /// @inheritdoc IFogMarket
    function closeSession(bytes32 id) external nonReentrant {
        Session storage s = _openSession(id);
        if (msg.sender != s.provider) {
            if (msg.sender != s.buyer) revert ErrorsLib.NotParty(msg.sender);
            if (block.timestamp < s.expiry) revert ErrorsLib.NotExpired(s.expiry);
        }

        _close(id, s);
    }

    /// @inheritdoc IFogMarket
    function claimAndClose(bytes32 id, uint96 amount, bytes calldata signature) external nonReentrant {
        Session storage s = _openSession(id);
        if (msg.sender != s.provider) revert ErrorsLib.NotProvider(msg.sender);

        uint96 paid = amount > s.claimed ? _redeem(id, s, amount, signature) : 0;
        _close(id, s);

        if (paid != 0) IERC20(token).safeTransfer(msg.sender, paid);
    }

    /* VIEWS */

    /// @inheritdoc IFogMarket
    function free(address owner) external view returns (uint96) {
        return _accounts[owner].free;
    }

    /// @inheritdoc IFogMarket
    function locked(address owner) external view returns (uint96) {
        return _accounts[owner].locked;
    }

    /// @inheritdoc IFogMarket
    function session(bytes32 id) external view returns (Session memory) {
        return _sessions[id];
    }

    /// @inheritdoc IFogMarket
    function sessionId(address buyer, address provider, bytes32 job) public pure returns (bytes32) {
        return keccak256(abi.encode(buyer, provider, job));
    }

    /// @inheritdoc IFogMarket
    function hashVoucher(bytes32 id, uint96 amount) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOUCHER_TYPEHASH, id, amount)));
    }

    /// @inheritdoc IFogMarket
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /* INTERNAL */

    /// @dev The balance is credited after the transfer: a token that calls back finds nothing to spend.
    function _deposit(uint96 amount) internal {
        if (amount == 0) revert ErrorsLib.ZeroAmount();

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert ErrorsLib.TransferMismatch(amount, received);

        _accounts[msg.sender].free += amount;
        emit EventsLib.Deposited(msg.sender, amount);
    }

    function _takeFree(Account storage account, uint96 amount) internal {
        uint96 available = account.free;
        if (amount > available) revert ErrorsLib.InsufficientBalance(available, amount);
        account.free = available - amount;
    }

    function _lock(address buyer, uint96 amount) internal {
        Account storage account = _accounts[buyer];
        _takeFree(account, amount);
        account.locked += amount;
    }

    function _openSession(bytes32 id) internal view returns (Session storage s) {
        s = _sessions[id];
        if (!s.open) revert ErrorsLib.SessionNotOpen(id);
    }

    /// @dev Books the voucher, of which the caller knows that it is above `s.claimed`.
    /// @return paid What the caller must now transfer to the provider.
    function _redeem(bytes32 id, Session storage s, uint96 amount, bytes calldata signature)
        internal
        returns (uint96 paid)
    {
        if (amount > s.cap) revert ErrorsLib.AboveCap(amount, s.cap);
        address buyer = s.buyer;
        _checkVoucher(buyer, hashVoucher(id, amount), signature);

        paid = amount - s.claimed;
        s.claimed = amount;
        _accounts[buyer].locked -= paid;
        emit EventsLib.VoucherClaimed(id, buyer, s.provider, paid, amount);
    }

    /// @dev The key comes before the code: else a buyer who signed vouchers with his key could void them by delegating
    /// his account to code that refuses them (EIP-7702).
    function _checkVoucher(address buyer, bytes32 digest, bytes calldata signature) internal view {
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == buyer) return;
        if (!SignatureChecker.isValidERC1271SignatureNowCalldata(buyer, digest, signature)) {
            revert ErrorsLib.BadVoucher();
        }
    }

    function _close(bytes32 id, Session storage s) internal {
        address buyer = s.buyer;
        uint96 claimed = s.claimed;
        uint96 refunded = s.cap - claimed;
        s.open = false;

        Account storage account = _accounts[buyer];
        account.locked -= refunded;
        account.free += refunded;
        emit EventsLib.SessionClosed(id, buyer, s.provider, claimed, refunded);
    }
}
