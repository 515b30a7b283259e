// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, IFogMarket, Job, JobState, Session, Terms} from "./interfaces/IFogMarket.sol";
import {IFogRegistry, Node, Outcome, Record, Review, Tally} from "./interfaces/IFogRegistry.sol";
import {IFogStake} from "./interfaces/IFogStake.sol";
import {
    DEFAULT_BOND_PER_GFUEL,
    MAX_AGREEMENT_LENGTH,
    MAX_BOND_PER_GFUEL,
    MAX_COMMITTEE,
    MAX_ENDPOINTS,
    MIN_BOND_PER_GFUEL,
    OPERATES_TYPEHASH
} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {JobLib} from "./libraries/JobLib.sol";
import {Reputation, ReputationLib} from "./libraries/ReputationLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title FogRegistry
/// @notice Where nodes say who they are, what they have, and how they did; and where the mixnet's document is fixed.
contract FogRegistry is IFogRegistry, EIP712 {
    using ReputationLib for Reputation;

    /* IMMUTABLES */

    /// @inheritdoc IFogRegistry
    address public immutable timelock;

    /// @inheritdoc IFogRegistry
    address public immutable market;

    /// @inheritdoc IFogRegistry
    address public immutable stake;

    /* STORAGE */

    /// @inheritdoc IFogRegistry
    uint96 public bondPerGfuel = DEFAULT_BOND_PER_GFUEL;

    uint8 internal _threshold;

    /// @dev Rises with each committee, so that what an earlier one attested does not count for the next.
    uint40 internal _committeeNumber;

    mapping(address owner => Record) internal _records;

    address[] internal _owners;

    /// @inheritdoc IFogRegistry
    mapping(bytes32 class => uint256) public capacityOf;

    /// @inheritdoc IFogRegistry
    mapping(address operator => mapping(address owner => uint40)) public disownedUpTo;

    /// @inheritdoc IFogRegistry
    mapping(bytes32 job => bool) public rated;

    /// @inheritdoc IFogRegistry
    mapping(bytes32 session => bool) public reviewed;

    mapping(address provider => Reputation) internal _reputations;

    address[] internal _members;

    mapping(uint40 committeeNumber => mapping(address member => bool)) internal _isMember;

    mapping(uint40 committeeNumber => mapping(uint40 epoch => mapping(address member => bool))) internal _hasAttested;

    mapping(uint40 committeeNumber => mapping(uint40 epoch => mapping(bytes32 documentHash => uint256))) internal
        _attestations;

    /// @inheritdoc IFogRegistry
    mapping(uint40 epoch => bytes32) public document;

    /* CONSTRUCTOR */

    constructor(address timelock_, address market_, address stake_) EIP712("fogchain", "1") {
        if (timelock_ == address(0) || market_ == address(0) || stake_ == address(0)) revert ErrorsLib.ZeroAddress();
        timelock = timelock_;
        market = market_;
        stake = stake_;
        emit EventsLib.BondPerGfuelSet(DEFAULT_BOND_PER_GFUEL);
    }

    /* MODIFIERS */

    modifier onlyTimelock() {
        if (msg.sender != timelock) revert ErrorsLib.NotTimelock(msg.sender);
        _;
    }

    /* RECORDS */

    /// @inheritdoc IFogRegistry
    function register(Node calldata node) external {
        if (node.nodeKey == 0) revert ErrorsLib.BadNodeKey();
        if (node.nodeSignature.length != 64) revert ErrorsLib.BadSignatureLength(node.nodeSignature.length);
        if (node.class == 0) revert ErrorsLib.BadClass();
        if (bytes(node.endpoints).length > MAX_ENDPOINTS) {
            revert ErrorsLib.EndpointsTooLong(bytes(node.endpoints).length);
        }
        address operator = node.operator == address(0) ? msg.sender : node.operator;
        Record storage r = _records[msg.sender];
        // What he agreed to once holds until he disowns it: the owner can change his endpoints without him.
        if (operator != msg.sender && (operator != r.operator || node.nodeKey != r.nodeKey)) {
            _checkAgreement(node, operator);
        }

        if (r.place == 0) {
            _owners.push(msg.sender);
            r.place = uint64(_owners.length);
        } else if (node.class != r.class) {
            _count(msg.sender, r, 0);
        }
        r.nodeKey = node.nodeKey;
        r.operator = operator;
        r.slots = node.slots;
        r.updated = uint40(block.timestamp);
        r.class = node.class;
        r.endpointHash = keccak256(bytes(node.endpoints));
        r.capacity = node.capacity;
        emit EventsLib.NodeRegistered(
            msg.sender,
            node.nodeKey,
            operator,
            node.class,
            node.slots,
            node.capacity,
            node.endpoints,
            node.nodeSignature
        );
        _count(msg.sender, r, _covered(msg.sender, node.capacity));
    }

    /// @inheritdoc IFogRegistry
    function deregister() external {
        Record storage r = _records[msg.sender];
        uint64 place = r.place;
        if (place == 0) revert ErrorsLib.NotRegistered(msg.sender);
        _count(msg.sender, r, 0);
        emit EventsLib.NodeDeregistered(msg.sender, r.nodeKey);

        address last = _owners[_owners.length - 1];
        _owners[place - 1] = last;
        _records[last].place = place;
        _owners.pop();
        delete _records[msg.sender];
    }

    /// @inheritdoc IFogRegistry
    function disown(address owner, uint40 upTo) external {
        if (upTo > disownedUpTo[msg.sender][owner]) disownedUpTo[msg.sender][owner] = upTo;
        Record storage r = _records[owner];
        if (r.operator == msg.sender) r.operator = owner;
        emit EventsLib.NodeDisowned(msg.sender, owner, upTo);
    }

    /* CAPACITY */

    /// @inheritdoc IFogRegistry
    function refresh(address owner) external {
        Record storage r = _records[owner];
        if (r.place == 0) revert ErrorsLib.NotRegistered(owner);
        _count(owner, r, _covered(owner, r.capacity));
    }

    /// @inheritdoc IFogRegistry
    function setBondPerGfuel(uint96 amount) external onlyTimelock {
        if (amount < MIN_BOND_PER_GFUEL || amount > MAX_BOND_PER_GFUEL) {
            revert ErrorsLib.OutOfBounds("bondPerGfuel", amount);
        }
        bondPerGfuel = amount;
        emit EventsLib.BondPerGfuelSet(amount);
    }

    /* REPUTATION */

    /// @inheritdoc IFogRegistry
    function rate(Terms calldata terms, Delivery calldata delivery) external returns (uint64 index) {
        (address provider, address client) = (terms.provider, terms.buyer);
        bytes32 id = IFogMarket(market).hashTerms(terms);
        if (rated[id]) revert ErrorsLib.RatedAlready(id);
        if (_isOneHand(provider, client)) revert ErrorsLib.SelfRated(provider, client);
        (Outcome outcome, uint8 value) = _outcome(id, terms, delivery);

        rated[id] = true;
        index = _reputations[provider].add(client, outcome, value);
        _emitFeedback(provider, client, index, value, ReputationLib.TAG, ReputationLib.tag(outcome), id);
    }

    /// @inheritdoc IFogRegistry
    function review(Review[] calldata reviews) external {
        for (uint256 i; i < reviews.length; ++i) {
            (bytes32 id, uint8 value) = (reviews[i].session, reviews[i].value);
            if (value > 100) revert ErrorsLib.OutOfBounds("value", value);
            Session memory s = IFogMarket(market).session(id);
            if (s.buyer != msg.sender || s.open || reviewed[id] || _isOneHand(s.provider, msg.sender)) {
                emit EventsLib.ReviewSkipped(id, msg.sender);
                continue;
            }
            reviewed[id] = true;
            uint64 index = _reputations[s.provider].addReview(msg.sender, value);
            _emitFeedback(s.provider, msg.sender, index, value, ReputationLib.REVIEW, ReputationLib.SESSION, id);
        }
    }

    /* MIX DIRECTORY */

    /// @inheritdoc IFogRegistry
    function setCommittee(address[] calldata members, uint8 threshold) external onlyTimelock {
        if (members.length > MAX_COMMITTEE || threshold > members.length || threshold <= members.length / 2) {
            revert ErrorsLib.BadCommittee();
        }
        uint40 number = ++_committeeNumber;
        for (uint256 i; i < members.length; ++i) {
            if (members[i] == address(0) || _isMember[number][members[i]]) revert ErrorsLib.BadCommittee();
            _isMember[number][members[i]] = true;
        }
        _members = members;
        _threshold = threshold;
        emit EventsLib.CommitteeSet(members, threshold);
    }

    /// @inheritdoc IFogRegistry
    function attest(uint40 epoch, bytes32 documentHash) external {
        uint40 number = _committeeNumber;
        if (!_isMember[number][msg.sender]) revert ErrorsLib.NotMember(msg.sender);
        if (documentHash == 0) revert ErrorsLib.BadDocument();
        if (document[epoch] != 0) revert ErrorsLib.DocumentFixed(epoch);
        if (_hasAttested[number][epoch][msg.sender]) revert ErrorsLib.AlreadyAttested(epoch);

        _hasAttested[number][epoch][msg.sender] = true;
        uint256 agreed = ++_attestations[number][epoch][documentHash];
        emit EventsLib.MixAttested(epoch, msg.sender, documentHash);
        if (agreed == _threshold) {
            document[epoch] = documentHash;
            emit EventsLib.MixDocument(epoch, documentHash);
        }
    }

    /* VIEWS */

    /// @inheritdoc IFogRegistry
    function record(address owner) external view returns (Record memory) {
        return _records[owner];
    }

    /// @inheritdoc IFogRegistry
    function capacity(address owner) external view returns (bytes32 class, uint64 counted) {
        Record storage r = _records[owner];
        return (r.class, r.counted);
    }

    /// @inheritdoc IFogRegistry
    function count() external view returns (uint256) {
        return _owners.length;
    }

    /// @inheritdoc IFogRegistry
    function page(uint256 start, uint256 n) external view returns (address[] memory owners) {
        uint256 length = _owners.length;
        if (start >= length) return owners;
        if (n > length - start) n = length - start;
        owners = new address[](n);
        for (uint256 i; i < n; ++i) {
            owners[i] = _owners[start + i];
        }
    }

    /// @inheritdoc IFogRegistry
    function hashOperates(address owner, address operator, bytes32 nodeKey, uint40 expiry)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(OPERATES_TYPEHASH, owner, operator, nodeKey, expiry)));
    }

    /// @inheritdoc IFogRegistry
    function tally(address provider) external view returns (Tally memory) {
        return _reputations[provider].total;
    }

    /// @inheritdoc IFogRegistry
    function getIdentityRegistry() external view returns (address) {
        return address(this);
    }

    /// @inheritdoc IFogRegistry
    function getSummary(uint256 agentId, address[] calldata clients, string calldata tag1, string calldata tag2)
        external
        view
        returns (uint64 number, int128 value, uint8 decimals)
    {
        Reputation storage reputation = _reputations[_provider(agentId)];
        (number, value) = reputation.average(clients, keccak256(bytes(tag1)), keccak256(bytes(tag2)));
        decimals = 2;
    }

    /// @inheritdoc IFogRegistry
    function readFeedback(uint256 agentId, address client, uint64 index)
        external
        view
        returns (int128 value, uint8 decimals, string memory tag1, string memory tag2, bool isRevoked)
    {
        Reputation storage reputation = _reputations[_provider(agentId)];
        if (index == 0 || index > reputation.last(client)) revert ErrorsLib.NoSuchFeedback(index);
        uint8 points;
        (points, tag1, tag2) = reputation.read(client, index);
        value = int128(uint128(points));
    }

    /// @inheritdoc IFogRegistry
    function getClients(uint256 agentId) external view returns (address[] memory) {
        return _reputations[_provider(agentId)].clients;
    }

    /// @inheritdoc IFogRegistry
    function getLastIndex(uint256 agentId, address client) external view returns (uint64) {
        return _reputations[_provider(agentId)].last(client);
    }

    /// @inheritdoc IFogRegistry
    function committee() external view returns (address[] memory members, uint8 threshold) {
        return (_members, _threshold);
    }

    /// @inheritdoc IFogRegistry
    function attestations(uint40 epoch, bytes32 documentHash) external view returns (uint256) {
        return _attestations[_committeeNumber][epoch][documentHash];
    }

    /// @inheritdoc IFogRegistry
    function hasAttested(uint40 epoch, address member) external view returns (bool) {
        return _hasAttested[_committeeNumber][epoch][member];
    }

    /* INTERNAL */

    function _checkAgreement(Node calldata node, address operator) internal view {
        uint40 expiry = node.operatorExpiry;
        if (expiry <= block.timestamp || expiry > block.timestamp + MAX_AGREEMENT_LENGTH) {
            revert ErrorsLib.BadExpiry(expiry);
        }
        if (expiry <= disownedUpTo[operator][msg.sender]) revert ErrorsLib.Disowned(operator);
        bytes32 digest = hashOperates(msg.sender, operator, node.nodeKey, expiry);
        SignatureLib.check(operator, digest, node.operatorSignature);
    }

    /// @return The part of what is declared that the owner's bond covers.
    function _covered(address owner, uint64 declared) internal view returns (uint64) {
        uint256 most = IFogStake(stake).bonded(owner) / bondPerGfuel;
        // What is below a uint64 fits one.
        return most < declared ? uint64(most) : declared;
    }

    /// @dev Moves the class's sum by what changes for this node.
    function _count(address owner, Record storage r, uint64 counted) internal {
        uint64 before = r.counted;
        if (counted == before) return;
        r.counted = counted;
        capacityOf[r.class] = capacityOf[r.class] - before + counted;
        emit EventsLib.CapacityCounted(owner, r.class, counted);
    }

    /// @dev How the market says the job ended. Reverts unless it ended, and not by being called off.
    function _outcome(bytes32 id, Terms calldata terms, Delivery calldata delivery)
        internal
        view
        returns (Outcome, uint8 value)
    {
        Job memory job = IFogMarket(market).job(id);
        if (job.state == JobState.Expired) return (Outcome.Expired, 0);
        if (job.state == JobState.Slashed) return (Outcome.Slashed, 0);
        if (job.state != JobState.Settled) revert ErrorsLib.WrongState(id, uint8(job.state));
        // Accepted without a delivery on the chain: the buyer does not say that it was late.
        if (job.delivery == 0) return (Outcome.Settled, 100);
        if (job.delivery != JobLib.hash(delivery.result, delivery.fuel, delivery.at)) {
            revert ErrorsLib.NotDelivered(id);
        }
        if (delivery.at <= terms.due) return (Outcome.Settled, 100);
        // A delivery is before `lateBy`, so that this is at most 100.
        value = uint8(uint256(100) * (terms.lateBy - delivery.at) / (terms.lateBy - terms.due));
        return (Outcome.Late, value);
    }

    /// @dev Whether the two, as far as records say, are one's own or run by the same.
    function _isOneHand(address provider, address client) internal view returns (bool) {
        (address a, address b) = (_operatorOf(provider), _operatorOf(client));
        return a == b || a == client || b == provider;
    }

    function _operatorOf(address owner) internal view returns (address operator) {
        operator = _records[owner].operator;
        if (operator == address(0)) operator = owner;
    }

    /// @dev Nobody for a number that is no address.
    function _provider(uint256 agentId) internal pure returns (address) {
        return agentId > type(uint160).max ? address(0) : address(uint160(agentId));
    }

    function _emitFeedback(
        address provider,
        address client,
        uint64 index,
        uint8 value,
        string memory first,
        string memory second,
        bytes32 subject
    ) internal {
        emit EventsLib.NewFeedback(
            uint160(provider), client, index, int128(uint128(value)), 0, first, first, second, "", "", subject
        );
    }
}
