// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Case, CourtParameters, IFogCourt} from "./interfaces/IFogCourt.sol";
import {Delivery, IFogMarket, Job, JobState, Terms} from "./interfaces/IFogMarket.sol";
import {IFogStake} from "./interfaces/IFogStake.sol";
import {MAX_PHASE, MAX_SEATS, MAX_SLASH_MULTIPLE, MIN_PHASE, ROUNDS} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title FogCourt
/// @notice Audits, committees, verdicts.
contract FogCourt is IFogCourt, ReentrancyGuardTransient {
    using Checkpoints for Checkpoints.Trace208;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @param which The index in `_places[auditor]` that says where this seat is.
    /// @param since The block in which it came to this place.
    struct Seat {
        address auditor;
        uint16 which;
        uint48 since;
    }

    /* IMMUTABLES */

    /// @inheritdoc IFogCourt
    address public immutable market;

    /// @inheritdoc IFogCourt
    address public immutable stake;

    /// @inheritdoc IFogCourt
    address public immutable timelock;

    address internal immutable _token;

    /* STORAGE */

    CourtParameters internal _parameters;

    /// @dev What auditors earned and did not collect. Bonds of open cases are in the market.
    uint256 internal _owed;

    /// @dev In no order.
    Seat[] internal _seats;

    /// @dev How many seats there were, by block: a draw is among those that were there before its seed.
    Checkpoints.Trace208 internal _seatCounts;

    /// @dev Where the auditor's seats are in `_seats`, so that to leave costs the same however many seats there are.
    mapping(address auditor => uint32[]) internal _places;

    /// @inheritdoc IFogCourt
    mapping(address auditor => uint96) public earned;

    /// @inheritdoc IFogCourt
    mapping(address provider => uint32) public cleared;

    mapping(bytes32 job => Case) internal _cases;

    mapping(bytes32 job => mapping(uint8 round => address[])) internal _committees;

    /// @inheritdoc IFogCourt
    mapping(bytes32 job => mapping(uint8 round => mapping(address auditor => bytes32))) public commitment;

    /// @dev What a member revealed: the hash of its answer.
    mapping(bytes32 job => mapping(uint8 round => mapping(address auditor => bytes32))) internal _answers;

    mapping(bytes32 job => mapping(uint8 round => mapping(bytes32 answer => uint8))) internal _votes;

    /* CONSTRUCTOR */

    constructor(
        address market_,
        address stake_,
        address timelock_,
        address token_,
        CourtParameters memory parameters_
    ) {
        if (market_ == address(0) || stake_ == address(0) || timelock_ == address(0) || token_ == address(0)) {
            revert ErrorsLib.ZeroAddress();
        }
        (market, stake, timelock, _token) = (market_, stake_, timelock_, token_);
        _setParameters(parameters_);
    }

    /* AUDITORS */

    /// @inheritdoc IFogCourt
    function enlist(uint16 seats) external {
        uint256 covered = uint256(IFogStake(stake).bonded(msg.sender)) / _parameters.seatBond;
        if (seats > MAX_SEATS || seats > covered) revert ErrorsLib.TooManySeats(seats);
        uint16 had = seatsOf(msg.sender);
        if (seats < had) _leave(msg.sender, had - seats);
        for (uint16 i = had; i < seats; ++i) {
            _places[msg.sender].push(uint32(_seats.length));
            _seats.push(Seat({auditor: msg.sender, which: i, since: uint48(block.number)}));
        }
        _setSeats(msg.sender, seats);
    }

    /// @inheritdoc IFogCourt
    function evict(address auditor) external {
        if (_isCovered(auditor)) revert ErrorsLib.SeatsCovered(auditor);
        _evict(auditor);
    }

    /// @inheritdoc IFogCourt
    function collect() external nonReentrant returns (uint96 amount) {
        amount = earned[msg.sender];
        if (amount == 0) revert ErrorsLib.ZeroAmount();
        earned[msg.sender] = 0;
        _owed -= amount;
        emit EventsLib.AuditPayCollected(msg.sender, amount);

        IERC20(_token).safeTransfer(msg.sender, amount);
    }

    /* CASES */

    /// @inheritdoc IFogCourt
    function open(bytes32 job, Terms calldata terms, Delivery calldata delivery, uint96 bond) external nonReentrant {
        if (msg.sender != market) revert ErrorsLib.NotMarket(msg.sender);
        _open(job, terms, delivery, terms.buyer, bond);
    }

    /// @inheritdoc IFogCourt
    function audit(Terms calldata terms, Delivery calldata delivery) external nonReentrant {
        bytes32 job = IFogMarket(market).hashTerms(terms);
        if (!isDrawn(job, terms.provider)) revert ErrorsLib.NotDrawn(job);
        _open(job, terms, delivery, msg.sender, 0);
        IFogMarket(market).challenge(terms, delivery);
    }

    /// @inheritdoc IFogCourt
    function draw(bytes32 job) external {
        Case storage c = _openCase(job);
        if (c.commitBy != 0 || block.number <= c.seedBlock) revert ErrorsLib.WrongPhase(job);
        bytes32 seed = blockhash(c.seedBlock);
        if (seed == 0) {
            _nameSeed(job, c);
            return;
        }
        address[] memory members = _select(c, keccak256(abi.encode(seed, job, c.round)));
        // Too few auditors now: the case waits, with a new seed, for more of them or for its end.
        if (members.length == 0) {
            _nameSeed(job, c);
            return;
        }
        c.commitBy = uint40(block.timestamp) + c.commitTime;
        c.revealBy = c.commitBy + c.revealTime;
        _committees[job][c.round] = members;
        emit EventsLib.CommitteeDrawn(job, c.round, members, c.commitBy, c.revealBy);
    }

    /// @inheritdoc IFogCourt
    function commit(bytes32 job, bytes32 commitment_) external {
        Case storage c = _openCase(job);
        if (c.commitBy == 0 || block.timestamp >= c.commitBy) revert ErrorsLib.WrongPhase(job);
        if (commitment_ == 0 || !_sits(job, c.round, msg.sender) || commitment[job][c.round][msg.sender] != 0) {
            revert ErrorsLib.NotAsked(msg.sender);
        }
        commitment[job][c.round][msg.sender] = commitment_;
        emit EventsLib.Committed(job, c.round, msg.sender, commitment_);
    }

    /// @inheritdoc IFogCourt
    function reveal(bytes32 job, bytes32 result, uint64 fuel, bytes32 salt) external {
        Case storage c = _openCase(job);
        if (c.commitBy == 0 || block.timestamp < c.commitBy || block.timestamp >= c.revealBy) {
            revert ErrorsLib.WrongPhase(job);
        }
        uint8 round = c.round;
        bytes32 committed = commitment[job][round][msg.sender];
        if (committed == 0 || _answers[job][round][msg.sender] != 0) revert ErrorsLib.NotAsked(msg.sender);
        if (hashCommitment(job, msg.sender, result, fuel, salt) != committed) revert ErrorsLib.NotCommitted(committed);

        bytes32 answer = _hashAnswer(result, fuel);
        _answers[job][round][msg.sender] = answer;
        uint8 votes = ++_votes[job][round][answer];
        ++c.revealed;
        if (votes > c.most) (c.most, c.answer) = (votes, answer);
        emit EventsLib.Revealed(job, round, msg.sender, result, fuel);
    }

    /// @inheritdoc IFogCourt
    function close(Terms calldata terms, Delivery calldata delivery) external nonReentrant {
        bytes32 job = IFogMarket(market).hashTerms(terms);
        Case storage c = _openCase(job);
        uint256 size = 3 + 2 * c.round;
        bool timeIsUp = block.timestamp >= c.verdictBy;
        bool roundIsOver = c.commitBy != 0 && (block.timestamp >= c.revealBy || c.revealed == size);
        if (!timeIsUp && !roundIsOver) revert ErrorsLib.WrongPhase(job);

        if (roundIsOver) _evictSilent(job, c.round);
        bool forDelivery = c.answer == c.delivered;
        if (roundIsOver && forDelivery && uint256(c.most) * 2 > size) {
            _rule(job, c, terms, delivery, false, size);
        } else if (roundIsOver && !forDelivery && uint256(c.most) * 3 > size * 2) {
            _rule(job, c, terms, delivery, true, size);
        } else if (timeIsUp || c.round + 1 == ROUNDS) {
            _rule(job, c, terms, delivery, false, 0);
        } else {
            ++c.round;
            (c.commitBy, c.revealBy) = (0, 0);
            (c.revealed, c.most, c.answer) = (0, 0, 0);
            _nameSeed(job, c);
        }
    }

    /* GOVERNANCE */

    /// @inheritdoc IFogCourt
    function setParameters(CourtParameters calldata parameters_) external {
        if (msg.sender != timelock) revert ErrorsLib.NotTimelock(msg.sender);
        _setParameters(parameters_);
    }

    /* VIEWS */

    /// @inheritdoc IFogCourt
    function isDrawn(bytes32 job, address provider) public view returns (bool) {
        Job memory slot = IFogMarket(market).job(job);
        if (slot.state != JobState.Delivered) return false;
        bytes32 seed = blockhash(uint256(slot.number) + 1);
        // A block's proposer can draw once more, and pays for it with the block: docs/contracts.md, Attacks.
        // slither-disable-next-line weak-prng
        return seed != 0 && uint256(keccak256(abi.encode(seed, job))) % 10_000 < auditRate(provider);
    }

    /// @inheritdoc IFogCourt
    function auditRate(address provider) public view returns (uint256) {
        uint256 byRecord = uint256(_parameters.auditFactor) * 10_000 / (uint256(cleared[provider]) + 1);
        if (byRecord > 10_000) return 10_000;
        return byRecord > _parameters.auditMinBps ? byRecord : _parameters.auditMinBps;
    }

    /// @inheritdoc IFogCourt
    function caseOf(bytes32 job) external view returns (Case memory) {
        return _cases[job];
    }

    /// @inheritdoc IFogCourt
    function committee(bytes32 job, uint8 round) external view returns (address[] memory) {
        return _committees[job][round];
    }

    /// @inheritdoc IFogCourt
    function seatsOf(address auditor) public view returns (uint16) {
        return uint16(_places[auditor].length);
    }

    /// @inheritdoc IFogCourt
    function seatCount() external view returns (uint256) {
        return _seats.length;
    }

    /// @inheritdoc IFogCourt
    function pool() public view returns (uint256) {
        return IERC20(_token).balanceOf(address(this)) - _owed;
    }

    /// @inheritdoc IFogCourt
    function parameters() external view returns (CourtParameters memory) {
        return _parameters;
    }

    /// @inheritdoc IFogCourt
    function hashCommitment(bytes32 job, address auditor, bytes32 result, uint64 fuel, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(job, auditor, result, fuel, salt));
    }

    /* INTERNAL: CASES */

    function _open(bytes32 job, Terms calldata terms, Delivery calldata delivery, address finder, uint96 bond)
        internal
    {
        Case storage c = _cases[job];
        if (c.verdictBy != 0) revert ErrorsLib.CaseExists(job);
        CourtParameters memory p = _parameters;
        // Each round has its two phases, and as much again to draw it and to close it.
        c.verdictBy = uint40(block.timestamp + 2 * ROUNDS * (uint256(p.commitTime) + p.revealTime));
        (c.commitTime, c.revealTime, c.slashMultiple) = (p.commitTime, p.revealTime, p.slashMultiple);
        (c.finder, c.bond, c.provider, c.buyer) = (finder, bond, terms.provider, terms.buyer);
        c.delivered = _hashAnswer(delivery.result, delivery.fuel);
        emit EventsLib.CaseOpened(job, finder, terms.provider, bond, c.verdictBy);
        _nameSeed(job, c);
    }

    function _openCase(bytes32 job) internal view returns (Case storage c) {
        c = _cases[job];
        if (c.verdictBy == 0 || c.closed) revert ErrorsLib.NoCase(job);
    }

    function _nameSeed(bytes32 job, Case storage c) internal {
        c.seedBlock = uint40(block.number + 1);
        emit EventsLib.SeedNamed(job, c.round, c.seedBlock);
    }

    /// @param size How many members the deciding committee had; zero without a verdict.
    function _rule(
        bytes32 job,
        Case storage c,
        Terms calldata terms,
        Delivery calldata delivery,
        bool guilty,
        uint256 size
    ) internal {
        c.closed = true;
        (address finder, uint96 bond) = (c.finder, c.bond);
        uint96 slash;
        if (guilty) {
            slash = (uint256(terms.price) * c.slashMultiple).toUint96();
            cleared[terms.provider] = 0;
        } else if (size != 0) {
            ++cleared[terms.provider];
        }
        uint96 pay = size == 0 ? 0 : _payMembers(job, c, terms.price, guilty, size);
        if (bond != 0) IFogMarket(market).withdraw(bond);
        emit EventsLib.Verdict(job, guilty, c.round, slash, pay);

        // Who was right, or whom nobody could answer, has the bond back.
        if (bond != 0 && (guilty || size == 0)) IERC20(_token).safeTransfer(finder, bond);
        // After MAX_VERDICT_TIME anyone may have ended the job without this court.
        if (IFogMarket(market).job(job).state != JobState.Challenged) return;
        IFogMarket(market).rule(terms, delivery, guilty, slash, finder);
    }

    /// @return pay What each member of the deciding committee earned that said what the verdict says.
    function _payMembers(bytes32 job, Case storage c, uint96 price, bool guilty, uint256 size)
        internal
        returns (uint96 pay)
    {
        uint256 most = c.most;
        uint256 wanted = price;
        uint256 available = pool() / (2 * most);
        if (!guilty) {
            if (c.bond != 0) (wanted, available) = (c.bond / most, c.bond / most);
            else wanted = wanted * IFogMarket(market).job(job).feeBps / 10_000;
        }
        pay = uint96(wanted < available ? wanted : available);
        // Nothing is exactly what there is to pay.
        // slither-disable-next-line incorrect-equality
        if (pay == 0) return 0;
        _owed += pay * most;
        address[] storage members = _committees[job][c.round];
        for (uint256 i; i < size; ++i) {
            if (_answers[job][c.round][members[i]] == c.answer) earned[members[i]] += pay;
        }
    }

    function _evictSilent(bytes32 job, uint8 round) internal {
        address[] storage members = _committees[job][round];
        for (uint256 i; i < members.length; ++i) {
            if (_answers[job][round][members[i]] == 0) _evict(members[i]);
        }
    }

    function _hashAnswer(bytes32 result, uint64 fuel) internal pure returns (bytes32) {
        return keccak256(abi.encode(result, fuel));
    }

    /* INTERNAL: AUDITORS */

    /// @dev Seats drawn by `seed`, each equally likely, hence auditors by their bonds: distinct ones, none a party, all
    /// covered. Empty when no such committee is found. Places and who has them are those before the seed: who comes
    /// once it is known does not count, and who leaves only takes himself, or the last seats, out of the draw.
    function _select(Case storage c, bytes32 seed) internal view returns (address[] memory members) {
        uint256 size = 3 + 2 * c.round;
        uint256 seats = _seatCounts.upperLookupRecent(c.seedBlock - 1);
        if (seats < size) return new address[](0);
        members = new address[](size);
        uint256 found;
        for (uint256 i; found < size; ++i) {
            if (i == 16 * size) return new address[](0);
            // As in `isDrawn`.
            // slither-disable-next-line weak-prng
            uint256 place = uint256(keccak256(abi.encode(seed, i))) % seats;
            if (place >= _seats.length || _seats[place].since >= c.seedBlock) continue;
            address auditor = _seats[place].auditor;
            if (auditor == c.provider || auditor == c.buyer || auditor == c.finder) continue;
            if (_isIn(members, found, auditor) || !_isCovered(auditor)) continue;
            members[found] = auditor;
            ++found;
        }
    }

    function _isIn(address[] memory members, uint256 count, address auditor) internal pure returns (bool) {
        for (uint256 i; i < count; ++i) {
            if (members[i] == auditor) return true;
        }
        return false;
    }

    function _sits(bytes32 job, uint8 round, address auditor) internal view returns (bool) {
        address[] storage members = _committees[job][round];
        for (uint256 i; i < members.length; ++i) {
            if (members[i] == auditor) return true;
        }
        return false;
    }

    function _isCovered(address auditor) internal view returns (bool) {
        return IFogStake(stake).bonded(auditor) >= uint256(seatsOf(auditor)) * _parameters.seatBond;
    }

    function _evict(address auditor) internal {
        uint16 seats = seatsOf(auditor);
        if (seats == 0) return;
        _leave(auditor, seats);
        _setSeats(auditor, 0);
    }

    function _setSeats(address auditor, uint16 seats) internal {
        _seatCounts.push(uint48(block.number), uint208(_seats.length));
        emit EventsLib.SeatsSet(auditor, seats);
    }

    /// @dev Frees the last `count` of the auditor's seats; the last of all moves into each gap.
    function _leave(address auditor, uint256 count) internal {
        uint32[] storage places = _places[auditor];
        for (; count != 0; --count) {
            uint256 place = places[places.length - 1];
            places.pop();
            Seat memory last = _seats[_seats.length - 1];
            _seats.pop();
            // Nobody but this contract changes the length.
            // slither-disable-next-line incorrect-equality
            if (place == _seats.length) continue;
            last.since = uint48(block.number);
            _seats[place] = last;
            _places[last.auditor][last.which] = uint32(place);
        }
    }

    function _setParameters(CourtParameters memory p) internal {
        if (p.commitTime < MIN_PHASE || p.commitTime > MAX_PHASE) {
            revert ErrorsLib.OutOfBounds("commitTime", p.commitTime);
        }
        if (p.revealTime < MIN_PHASE || p.revealTime > MAX_PHASE) {
            revert ErrorsLib.OutOfBounds("revealTime", p.revealTime);
        }
        if (p.auditMinBps < 100 || p.auditMinBps > 2000) revert ErrorsLib.OutOfBounds("auditMinBps", p.auditMinBps);
        if (p.auditFactor > 10) revert ErrorsLib.OutOfBounds("auditFactor", p.auditFactor);
        if (p.slashMultiple == 0 || p.slashMultiple > MAX_SLASH_MULTIPLE) {
            revert ErrorsLib.OutOfBounds("slashMultiple", p.slashMultiple);
        }
        if (p.seatBond < 1e18) revert ErrorsLib.OutOfBounds("seatBond", p.seatBond);
        _parameters = p;
        emit EventsLib.CourtParametersSet(
            p.commitTime, p.revealTime, p.auditMinBps, p.auditFactor, p.slashMultiple, p.seatBond
        );
    }
}
