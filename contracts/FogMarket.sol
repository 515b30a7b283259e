// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogCourt} from "./interfaces/IFogCourt.sol";
import {
    Claim,
    Delivery,
    IFogMarket,
    Job,
    JobState,
    Parameters,
    Session,
    Terms,
    Work
} from "./interfaces/IFogMarket.sol";
import {IFogStake} from "./interfaces/IFogStake.sol";
import {IVolumeReport} from "./interfaces/IVolumeReport.sol";
import {AccountSlot, AccountsLib, earnings} from "./libraries/AccountSlot.sol";
import {BatchLib} from "./libraries/BatchLib.sol";
import {
    AUDIT_SHARE,
    GUARDIAN_TERM,
    MAX_CHALLENGE_WINDOW,
    MAX_FEE,
    MAX_SESSION_LENGTH,
    MAX_SLASH_MULTIPLE,
    MAX_STOP,
    MAX_VERDICT_TIME,
    MIN_CHALLENGE_WINDOW,
    VOLUME_UNIT
} from "./libraries/ConstantsLib.sol";
import {CurrentSlot} from "./libraries/CurrentSlot.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib, Reason} from "./libraries/EventsLib.sol";
import {HashLib} from "./libraries/HashLib.sol";
import {JobLib} from "./libraries/JobLib.sol";
import {JobSlot, opened} from "./libraries/JobSlot.sol";
import {QuorumLib} from "./libraries/QuorumLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {
    ERC20TransferAuthorization
} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20TransferAuthorization.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title FogMarket
/// @notice Holds all escrow: balances, jobs, sessions, batches.
/// @dev Locked money is in no balance: an open job holds its price, an open session what of its cap is unclaimed.
contract FogMarket is IFogMarket, EIP712, ReentrancyGuardTransient {
    using AccountsLib for mapping(address => AccountSlot);
    using SafeERC20 for IERC20;

    /* IMMUTABLES */

    /// @inheritdoc IFogMarket
    address public immutable token;

    /// @inheritdoc IFogMarket
    address public immutable stake;

    /// @inheritdoc IFogMarket
    address public immutable timelock;

    /// @inheritdoc IFogMarket
    address public immutable guardian;

    /// @inheritdoc IFogMarket
    uint40 public immutable guardianUntil;

    bytes32 internal immutable _domain;

    uint256 internal immutable _chainId;

    /* STORAGE */

    CurrentSlot internal _current;

    /// @inheritdoc IFogMarket
    address public pricing;

    mapping(address owner => AccountSlot) internal _accounts;

    /// @dev A job that ended keeps its slot, so that its terms never come back to life.
    mapping(bytes32 id => JobSlot) internal _jobs;

    /// @dev A closed session keeps its record, so that its id, and with it an old voucher, never comes back to life.
    mapping(bytes32 id => Session) internal _sessions;

    mapping(address buyer => mapping(uint256 word => uint256 bits)) internal _settled;

    mapping(uint16 version => Parameters) internal _parameters;

    /* CONSTRUCTOR */

    constructor(
        address token_,
        address stake_,
        address timelock_,
        address guardian_,
        address pricing_,
        Parameters memory parameters
    ) EIP712("fogchain", "1") {
        if (token_ == address(0) || stake_ == address(0) || timelock_ == address(0)) {
            revert ErrorsLib.ZeroAddress();
        }
        // No guardian and no price controller are allowed: then nobody stops jobs, and no volume is reported.
        // slither-disable-next-line missing-zero-check
        (token, stake, timelock, guardian, pricing) = (token_, stake_, timelock_, guardian_, pricing_);
        guardianUntil = uint40(block.timestamp + GUARDIAN_TERM);
        (_domain, _chainId) = (_domainSeparatorV4(), block.chainid);
        emit EventsLib.PricingSet(pricing_);
        _setParameters(parameters);
    }

    modifier onlyTimelock() {
        if (msg.sender != timelock) revert ErrorsLib.NotTimelock(msg.sender);
        _;
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
    function depositWithAuthorization(
        address owner,
        uint96 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external nonReentrant {
        if (amount == 0) revert ErrorsLib.ZeroAmount();

        uint256 before = IERC20(token).balanceOf(address(this));
        ERC20TransferAuthorization(token)
            .receiveWithAuthorization(owner, address(this), amount, validAfter, validBefore, nonce, signature);
        _credit(owner, amount, before);
    }

    /// @inheritdoc IFogMarket
    function withdraw(uint96 amount) external nonReentrant {
        if (amount == 0) revert ErrorsLib.ZeroAmount();

        _accounts.debit(msg.sender, amount);
        emit EventsLib.Withdrawn(msg.sender, amount);

        IERC20(token).safeTransfer(msg.sender, amount);
    }

    /* JOBS */

    /// @inheritdoc IFogMarket
    function open(Terms calldata terms, bytes calldata signature) external returns (bytes32 id) {
        JobLib.check(terms);
        (address buyer, address provider, uint96 price) = JobLib.parties(terms);
        CurrentSlot now_ = _current;
        if (block.timestamp < now_.stoppedUntil()) revert ErrorsLib.Stopped(now_.stoppedUntil());
        id = hashTerms(terms);
        _check(id, _jobs[id], JobState.None);
        if (msg.sender != buyer) SignatureLib.check(buyer, id, signature);
        if (terms.breach != 0) {
            if (msg.sender == buyer) SignatureLib.check(provider, id, signature);
            else if (msg.sender != provider) revert ErrorsLib.NotParty(msg.sender);
            _checkBond(terms, provider, uint256(price) * now_.bondMultiple(), now_.version());
        }

        _accounts.debit(buyer, price);
        _jobs[id] = opened(now_.version(), now_.feeBps());
        _emitOpened(id, terms);
    }

    /// @inheritdoc IFogMarket
    function deliver(Terms calldata terms, bytes32 result, uint64 fuel) external {
        (bytes32 id, JobSlot slot) = _job(terms, JobState.Open);
        (, address provider,) = JobLib.parties(terms);
        (,, uint40 lateBy) = JobLib.times(terms);
        if (msg.sender != provider) revert ErrorsLib.NotProvider(msg.sender);
        if (block.timestamp >= lateBy) revert ErrorsLib.TooLate(lateBy);

        uint40 at = uint40(block.timestamp);
        _jobs[id] = slot.enter(JobState.Delivered).withDelivery(JobLib.hash(result, fuel, at));
        emit EventsLib.JobDelivered(id, result, fuel);
    }

    /// @inheritdoc IFogMarket
    function settleSigned(Terms calldata terms, uint96 amount, bytes calldata signature) external {
        (bytes32 id, JobSlot slot) = _unsettled(terms);
        (address buyer, address provider, uint96 price) = JobLib.parties(terms);
        if (amount > price) revert ErrorsLib.AbovePrice(amount, price);
        if (msg.sender != buyer) SignatureLib.check(buyer, hashAcceptance(id, amount), signature);
        // Less than the price takes both: else a buyer could end a delivered job for nothing.
        if (amount != price && msg.sender != provider) revert ErrorsLib.NotProvider(msg.sender);

        _settle(id, slot, terms, amount, Reason.Accepted);
    }

    /// @inheritdoc IFogMarket
    function settleQuorum(
        Terms calldata terms,
        Work calldata work,
        bytes32 result,
        uint64 fuel,
        bytes[] calldata signatures
    ) external {
        (bytes32 id, JobSlot slot) = _unsettled(terms);
        if (HashLib.work(work) != terms.work) revert ErrorsLib.NotTheWork(terms.work);

        (address buyer,, uint96 price) = JobLib.parties(terms);
        (address[] memory agreed, uint256 count) =
            QuorumLib.agreed(buyer, work, hashReplica(id, result, fuel), signatures);
        // A replica that agrees late is paid as late.
        uint256 share = JobLib.pay(terms, fuel, block.timestamp) / count;
        _settleReplicas(id, slot, buyer, price, share, agreed);
    }

    /// @inheritdoc IFogMarket
    function finalize(Terms calldata terms, Delivery calldata delivery) external {
        bytes32 id = hashTerms(terms);
        JobSlot slot = _jobs[id];
        Reason reason;
        uint256 from = slot.since();
        if (slot.isIn(JobState.Challenged)) {
            reason = Reason.Acquitted;
            from += MAX_VERDICT_TIME;
        } else {
            _check(id, slot, JobState.Delivered);
            reason = Reason.Unchallenged;
            from += _parameters[slot.version()].challengeWindow;
        }
        _checkDelivered(id, slot, delivery);
        if (block.timestamp < from) revert ErrorsLib.TooEarly(uint40(from));

        _settle(id, slot, terms, JobLib.pay(terms, delivery.fuel, delivery.at), reason);
    }

    /// @inheritdoc IFogMarket
    function cancel(Terms calldata terms) external {
        (bytes32 id, JobSlot slot) = _job(terms, JobState.Open);
        uint40 until;
        if (msg.sender == terms.buyer) until = terms.inputBy;
        else if (msg.sender == terms.provider) until = terms.inputBy + (terms.due - terms.inputBy) / 2;
        else revert ErrorsLib.NotParty(msg.sender);
        if (block.timestamp >= until) revert ErrorsLib.TooLate(until);

        _jobs[id] = slot.enter(JobState.Cancelled);
        _free(terms.buyer, terms.price);
        emit EventsLib.JobCancelled(id, msg.sender);
    }

    /// @inheritdoc IFogMarket
    function expire(Terms calldata terms) external nonReentrant {
        (bytes32 id, JobSlot slot) = _job(terms, JobState.Open);
        if (block.timestamp < terms.lateBy) revert ErrorsLib.TooEarly(terms.lateBy);

        _jobs[id] = slot.enter(JobState.Expired);
        _free(terms.buyer, terms.price);
        uint96 breach;
        if (terms.breach != 0) {
            breach = IFogStake(stake).compensate(terms.provider, terms.breach, terms.buyer);
        }
        emit EventsLib.JobExpired(id, breach);
    }

    /// @inheritdoc IFogMarket
    function challenge(Terms calldata terms, Delivery calldata delivery) external nonReentrant {
        (bytes32 id, JobSlot slot) = _job(terms, JobState.Delivered);
        _checkDelivered(id, slot, delivery);
        Parameters memory under = _parameters[slot.version()];
        uint40 until = slot.since() + uint40(under.challengeWindow);
        if (block.timestamp >= until) revert ErrorsLib.TooLate(until);

        _jobs[id] = slot.enter(JobState.Challenged);
        if (msg.sender == under.court) {
            emit EventsLib.JobChallenged(id, under.court, 0);
            return;
        }
        if (msg.sender != terms.buyer) revert ErrorsLib.NotBuyer(msg.sender);
        _accounts.debit(msg.sender, terms.price);
        _free(under.court, terms.price);
        emit EventsLib.JobChallenged(id, under.court, terms.price);
        IFogCourt(under.court).open(id, terms, delivery, terms.price);
    }

    /// @inheritdoc IFogMarket
    function rule(Terms calldata terms, Delivery calldata delivery, bool guilty, uint96 slash, address finder)
        external
        nonReentrant
    {
        (bytes32 id, JobSlot slot) = _job(terms, JobState.Challenged);
        if (msg.sender != _parameters[slot.version()].court) revert ErrorsLib.NotCourt(msg.sender);
        _checkDelivered(id, slot, delivery);
        _bound("slash", slash, 0, uint256(terms.price) * MAX_SLASH_MULTIPLE);

        if (!guilty) {
            _settle(id, slot, terms, JobLib.pay(terms, delivery.fuel, delivery.at), Reason.Acquitted);
            return;
        }
        _jobs[id] = slot.enter(JobState.Slashed);
        _free(terms.buyer, terms.price);
        // Neither the buyer nor the provider has the finder's part: it must not pay to set a bait or to find oneself.
        if (finder == terms.buyer || finder == terms.provider) finder = address(0);
        uint96 taken = IFogStake(stake).slash(terms.provider, slash, terms.buyer, terms.price, finder);
        emit EventsLib.JobSlashed(id, taken);
    }

    /* SESSIONS */

    /// @inheritdoc IFogMarket
    function openSession(address provider, uint96 cap, uint40 expiry, bytes32 forJob) external returns (bytes32 id) {
        if (provider == address(0)) revert ErrorsLib.ZeroAddress();
        if (cap == 0) revert ErrorsLib.ZeroAmount();
        if (expiry <= block.timestamp || expiry > block.timestamp + MAX_SESSION_LENGTH) {
            revert ErrorsLib.BadExpiry(expiry);
        }
        CurrentSlot now_ = _current;
        if (block.timestamp < now_.stoppedUntil()) revert ErrorsLib.Stopped(now_.stoppedUntil());
        id = sessionId(msg.sender, provider, forJob);
        if (_sessions[id].buyer != address(0)) revert ErrorsLib.SessionExists(id);

        _accounts.debit(msg.sender, cap);
        _sessions[id] = Session({
            buyer: msg.sender,
            cap: cap,
            provider: provider,
            claimed: 0,
            expiry: expiry,
            feeBps: now_.feeBps(),
            open: true
        });
        emit EventsLib.SessionOpened(id, msg.sender, provider, forJob, cap, expiry, now_.feeBps());
    }

    /// @inheritdoc IFogMarket
    function topUp(bytes32 id, uint96 amount) external {
        if (amount == 0) revert ErrorsLib.ZeroAmount();
        Session storage s = _openSession(id);
        if (msg.sender != s.buyer) revert ErrorsLib.NotBuyer(msg.sender);

        _accounts.debit(msg.sender, amount);
        uint96 cap = s.cap + amount;
        s.cap = cap;
        emit EventsLib.SessionToppedUp(id, cap);
    }

    /// @inheritdoc IFogMarket
    function claim(bytes32 id, uint96 amount, bytes calldata signature) external {
        Session storage s = _openSession(id);
        uint96 claimed = s.claimed;
        if (amount <= claimed) revert ErrorsLib.NothingToClaim(amount, claimed);
        if (amount > s.cap) revert ErrorsLib.AboveCap(amount, s.cap);
        address buyer = s.buyer;
        SignatureLib.check(buyer, hashVoucher(id, amount), signature);

        _redeem(id, s, buyer, claimed, amount);
    }

    /// @inheritdoc IFogMarket
    function claimMany(Claim[] calldata claims) external {
        for (uint256 i; i < claims.length; ++i) {
            (bytes32 id, uint96 amount) = (claims[i].session, claims[i].amount);
            Session storage s = _sessions[id];
            (address buyer, uint96 claimed) = (s.buyer, s.claimed);
            if (
                s.open && amount > claimed && amount <= s.cap
                    && SignatureLib.isSignedBy(buyer, hashVoucher(id, amount), claims[i].signature)
            ) _redeem(id, s, buyer, claimed, amount);
            else emit EventsLib.ClaimSkipped(id, amount);
        }
    }

    /// @inheritdoc IFogMarket
    function closeSession(bytes32 id) external {
        Session storage s = _openSession(id);
        if (msg.sender != s.provider && block.timestamp < s.expiry) revert ErrorsLib.NotExpired(s.expiry);

        _close(id, s);
    }

    /// @inheritdoc IFogMarket
    function claimAndClose(bytes32 id, uint96 amount, bytes calldata signature) external {
        Session storage s = _openSession(id);
        if (msg.sender != s.provider) revert ErrorsLib.NotProvider(msg.sender);

        uint96 claimed = s.claimed;
        if (amount > claimed) {
            if (amount > s.cap) revert ErrorsLib.AboveCap(amount, s.cap);
            address buyer = s.buyer;
            SignatureLib.check(buyer, hashVoucher(id, amount), signature);
            _redeem(id, s, buyer, claimed, amount);
        }
        _close(id, s);
    }

    /* BATCHES */

    /// @inheritdoc IFogMarket
    function settleBatch(address[] calldata payees, bytes calldata items) external {
        (uint96[] memory sums, uint96 total) = BatchLib.add(_settled[msg.sender], payees.length, items);
        _accounts.debit(msg.sender, total);
        uint16 feeBps = _current.feeBps();
        for (uint256 i; i < payees.length; ++i) {
            uint96 gross = sums[i];
            if (gross == 0) continue;
            uint96 fee = _earn(payees[i], gross, feeBps);
            emit EventsLib.BatchPaid(msg.sender, payees[i], gross - fee, fee);
        }
        emit EventsLib.BatchSettled(msg.sender, keccak256(items), items.length / 16, total);
    }

    /* FEES */

    /// @inheritdoc IFogMarket
    function collectFees(address[] calldata providers) external nonReentrant {
        uint96 sum;
        for (uint256 i; i < providers.length; ++i) {
            AccountSlot account = _accounts[providers[i]];
            (uint96 fees, uint64 volume) = (account.fees(), account.volume());
            if (fees == 0 && volume == 0) continue;
            _accounts[providers[i]] = account.collected();
            sum += fees;
            emit EventsLib.FeesCollected(providers[i], fees, volume);
            // Prices are advice: a controller that fails, or is none, must not hold fees back.
            if (pricing.code.length == 0) continue;
            // Each account is read anew and written before the call: what it calls in between finds it settled.
            // slither-disable-next-line reentrancy-no-eth
            try IVolumeReport(pricing).report(providers[i], uint256(volume) * VOLUME_UNIT) {} catch {}
        }
        if (sum == 0) return;

        uint96 toAudits = uint96(uint256(sum) * AUDIT_SHARE / 10_000);
        if (toAudits != 0) IERC20(token).safeTransfer(_parameters[_current.version()].court, toAudits);
        IERC20(token).forceApprove(stake, sum - toAudits);
        IFogStake(stake).fund(sum - toAudits);
    }

    /* GOVERNANCE */

    /// @inheritdoc IFogMarket
    function setParameters(Parameters calldata parameters) external onlyTimelock {
        _setParameters(parameters);
    }

    /// @inheritdoc IFogMarket
    function setPricing(address pricing_) external onlyTimelock {
        // Zero is allowed: then no volume is reported.
        // slither-disable-next-line missing-zero-check
        pricing = pricing_;
        emit EventsLib.PricingSet(pricing_);
    }

    /// @inheritdoc IFogMarket
    function stop(uint40 until) external {
        uint40 last = _current.stoppedUntil();
        if (msg.sender == timelock) {
            _bound("until", until, 0, last);
            // The stop's end is kept: else the guardian could begin anew at once.
            if (until < block.timestamp) until = last < block.timestamp ? last : uint40(block.timestamp);
        } else {
            if (msg.sender != guardian || block.timestamp >= guardianUntil) revert ErrorsLib.NotGuardian(msg.sender);
            _bound("until", until, 0, block.timestamp + MAX_STOP);
            if (last != 0 && block.timestamp < last + MAX_STOP) {
                revert ErrorsLib.StopTooSoon(uint40(last + MAX_STOP));
            }
        }
        _current = _current.withStop(until);
        emit EventsLib.StopSet(msg.sender, until);
    }

    /* VIEWS */

    /// @inheritdoc IFogMarket
    function free(address owner) external view returns (uint96) {
        return _accounts[owner].free();
    }

    /// @inheritdoc IFogMarket
    function withheld(address owner) external view returns (uint96 fees, uint64 volume) {
        AccountSlot account = _accounts[owner];
        return (account.fees(), account.volume());
    }

    /// @inheritdoc IFogMarket
    function job(bytes32 id) external view returns (Job memory) {
        return _jobs[id].unpack();
    }

    /// @inheritdoc IFogMarket
    function courtOf(bytes32 id) external view returns (address) {
        return _parameters[_jobs[id].version()].court;
    }

    /// @inheritdoc IFogMarket
    function session(bytes32 id) external view returns (Session memory) {
        return _sessions[id];
    }

    /// @inheritdoc IFogMarket
    function sessionId(address buyer, address provider, bytes32 forJob) public pure returns (bytes32) {
        return keccak256(abi.encode(buyer, provider, forJob));
    }

    /// @inheritdoc IFogMarket
    function settled(address buyer, uint32 number) external view returns (bool) {
        return (_settled[buyer][number >> 8] >> (number & 255)) & 1 == 1;
    }

    /// @inheritdoc IFogMarket
    function current() external view returns (Parameters memory parameters, uint16 version, uint40 stoppedUntil) {
        CurrentSlot now_ = _current;
        return (_parameters[now_.version()], now_.version(), now_.stoppedUntil());
    }

    /// @inheritdoc IFogMarket
    function parametersOf(uint16 version) external view returns (Parameters memory) {
        return _parameters[version];
    }

    /// @inheritdoc IFogMarket
    function payOf(Terms calldata terms, uint64 fuel, uint40 at) external pure returns (uint96) {
        return JobLib.pay(terms, fuel, at);
    }

    /// @inheritdoc IFogMarket
    function hashTerms(Terms calldata terms) public view returns (bytes32) {
        return _digest(HashLib.terms(terms));
    }

    /// @inheritdoc IFogMarket
    function hashWork(Work calldata work) external pure returns (bytes32) {
        return HashLib.work(work);
    }

    /// @inheritdoc IFogMarket
    function hashAcceptance(bytes32 id, uint96 amount) public view returns (bytes32) {
        return _digest(HashLib.acceptance(id, amount));
    }

    /// @inheritdoc IFogMarket
    function hashReplica(bytes32 id, bytes32 result, uint64 fuel) public view returns (bytes32) {
        return _digest(HashLib.replica(id, result, fuel));
    }

    /// @inheritdoc IFogMarket
    function hashVoucher(bytes32 id, uint96 amount) public view returns (bytes32) {
        return _digest(HashLib.voucher(id, amount));
    }

    /// @inheritdoc IFogMarket
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /* INTERNAL: SIGNATURES */

    /// @dev OpenZeppelin's costs 300 more, which every payment would pay twice.
    function _digest(bytes32 content) internal view returns (bytes32) {
        return HashLib.digest(block.chainid == _chainId ? _domain : _domainSeparatorV4(), content);
    }

    /* INTERNAL: BALANCES */

    function _deposit(uint96 amount) internal {
        if (amount == 0) revert ErrorsLib.ZeroAmount();

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _credit(msg.sender, amount, before);
    }

    /// @dev The balance is credited after the transfer: a token that calls back finds nothing to spend.
    function _credit(address owner, uint96 amount, uint256 before) internal {
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert ErrorsLib.TransferMismatch(amount, received);

        _free(owner, amount);
        emit EventsLib.Deposited(owner, amount);
    }

    function _free(address owner, uint96 amount) internal {
        _accounts.credit(owner, AccountSlot.wrap(amount));
    }

    /// @dev Credits `gross` less the fee.
    function _earn(address payee, uint96 gross, uint16 feeBps) internal returns (uint96) {
        (AccountSlot earned, uint256 fee) = earnings(gross, feeBps);
        _accounts.credit(payee, earned);
        return uint96(fee);
    }

    /* INTERNAL: JOBS */

    /// @dev The provider has bonded what the job asks for, and if he begins to unbond it now it still answers for a
    /// delivery in the last moment, challenged and judged in the last.
    function _checkBond(Terms calldata terms, address provider, uint256 wanted, uint16 version) internal view {
        uint96 bonded = IFogStake(stake).bonded(provider);
        if (bonded < wanted) revert ErrorsLib.BondTooSmall(bonded, wanted);
        (,, uint40 lateBy) = JobLib.times(terms);
        uint256 judged = lateBy + uint256(_parameters[version].challengeWindow) + MAX_VERDICT_TIME;
        if (judged > block.timestamp + IFogStake(stake).unbondingPeriod()) {
            revert ErrorsLib.BadTerms("longer than a bond is held");
        }
    }

    /// @dev The job of these terms, which must be in `state`.
    function _job(Terms calldata terms, JobState state) internal view returns (bytes32 id, JobSlot slot) {
        id = hashTerms(terms);
        slot = _jobs[id];
        _check(id, slot, state);
    }

    /// @dev The job of these terms, which must be open or delivered.
    function _unsettled(Terms calldata terms) internal view returns (bytes32 id, JobSlot slot) {
        id = hashTerms(terms);
        slot = _jobs[id];
        if (!slot.isIn(JobState.Delivered)) _check(id, slot, JobState.Open);
    }

    function _check(bytes32 id, JobSlot slot, JobState wanted) internal pure {
        if (!slot.isIn(wanted)) revert ErrorsLib.WrongState(id, uint8(slot.state()));
    }

    function _checkDelivered(bytes32 id, JobSlot slot, Delivery calldata delivery) internal pure {
        if (slot.delivery() != JobLib.hash(delivery.result, delivery.fuel, delivery.at)) {
            revert ErrorsLib.NotDelivered(id);
        }
    }

    /// @dev The event's data are the terms from their price on, as they came.
    function _emitOpened(bytes32 id, Terms calldata terms) internal {
        bytes32 topic = JobOpened.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, add(terms, 0x40), 0xe0)
            log4(free, 0xe0, topic, id, calldataload(terms), calldataload(add(terms, 0x20)))
        }
    }

    /// @dev `gross` is at most the price.
    function _settle(bytes32 id, JobSlot slot, Terms calldata terms, uint96 gross, Reason reason) internal {
        _jobs[id] = slot.enter(JobState.Settled);
        (address buyer, address provider, uint96 price) = JobLib.parties(terms);
        uint96 fee = _earn(provider, gross, slot.feeBps());
        unchecked {
            uint96 refund = price - gross;
            if (refund != 0) _free(buyer, refund);
            emit EventsLib.JobSettled(id, gross - fee, fee, refund, reason);
        }
    }

    /// @dev `share` is at most the price divided by the number of all replicas.
    function _settleReplicas(
        bytes32 id,
        JobSlot slot,
        address buyer,
        uint256 price,
        uint256 share,
        address[] memory replicas
    ) internal {
        _jobs[id] = slot.enter(JobState.Settled);
        (AccountSlot earned, uint256 fee) = earnings(share, slot.feeBps());
        _accounts.creditAll(replicas, earned);
        unchecked {
            uint256 refund = price - share * replicas.length;
            if (refund != 0) _free(buyer, uint96(refund));
            QuorumLib.emitPaid(id, replicas, share - fee, fee, refund);
        }
    }

    /* INTERNAL: SESSIONS */

    function _openSession(bytes32 id) internal view returns (Session storage s) {
        s = _sessions[id];
        if (!s.open) revert ErrorsLib.SessionNotOpen(id);
    }

    /// @dev Books a voucher that was checked.
    function _redeem(bytes32 id, Session storage s, address buyer, uint96 claimed, uint96 amount) internal {
        address provider = s.provider;
        s.claimed = amount;
        uint96 gross = amount - claimed;
        uint96 fee = _earn(provider, gross, s.feeBps);
        emit EventsLib.VoucherClaimed(id, buyer, provider, gross - fee, fee, amount);
    }

    function _close(bytes32 id, Session storage s) internal {
        address buyer = s.buyer;
        uint96 claimed = s.claimed;
        uint96 refunded = s.cap - claimed;
        s.open = false;
        if (refunded != 0) _free(buyer, refunded);
        emit EventsLib.SessionClosed(id, buyer, s.provider, claimed, refunded);
    }

    /* INTERNAL: GOVERNANCE */

    function _setParameters(Parameters memory parameters) internal {
        if (parameters.court == address(0)) revert ErrorsLib.ZeroAddress();
        _bound("feeBps", parameters.feeBps, 0, MAX_FEE);
        _bound("challengeWindow", parameters.challengeWindow, MIN_CHALLENGE_WINDOW, MAX_CHALLENGE_WINDOW);
        _bound("bondMultiple", parameters.bondMultiple, 1, MAX_SLASH_MULTIPLE);
        uint16 version = _current.version() + 1;
        _parameters[version] = parameters;
        _current = _current.withParameters(version, parameters.feeBps, parameters.bondMultiple);
        emit EventsLib.ParametersSet(
            version, parameters.court, parameters.challengeWindow, parameters.feeBps, parameters.bondMultiple
        );
    }

    function _bound(bytes32 name, uint256 value, uint256 low, uint256 high) internal pure {
        if (value < low || value > high) revert ErrorsLib.OutOfBounds(name, value);
    }
}
