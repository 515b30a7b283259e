// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogMarket, Job, JobState, Parameters, Session} from "../../../../contracts/interfaces/IFogMarket.sol";
import {Unbonding} from "../../../../contracts/interfaces/IFogStake.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {Log} from "../Vm.sol";

/// @notice What stands in the contracts, from their events alone: what an index would hold.
/// @dev It knows of each event the block time and number, as an index does, and no more.
contract Replay {
    /* MARKET */

    mapping(address owner => uint256) public free;
    mapping(address owner => uint256) public fees;
    mapping(address owner => uint256) public volume;
    mapping(address buyer => mapping(uint256 word => uint256 bits)) public settled;
    uint40 public stoppedUntil;
    address public pricing;
    uint16 public version;
    mapping(uint16 version => Parameters) private _parameters;

    struct Deal {
        address buyer;
        address provider;
        uint96 price;
        uint256 settlements;
        Job job;
    }

    mapping(bytes32 id => Deal) private _deals;
    mapping(bytes32 id => Session) private _sessions;

    function parameters(uint16 version_) external view returns (Parameters memory) {
        return _parameters[version_];
    }

    function deal(bytes32 id) external view returns (Deal memory) {
        return _deals[id];
    }

    function session(bytes32 id) external view returns (Session memory) {
        return _sessions[id];
    }

    /* STAKE */

    mapping(address owner => uint256) public bonded;
    mapping(address owner => Unbonding[]) private _unbonding;
    uint256 public totalBonded;

    function unbonding(address owner) external view returns (Unbonding[] memory) {
        return _unbonding[owner];
    }

    /* COURT */

    struct Hearing {
        address finder;
        address provider;
        uint96 bond;
        uint40 verdictBy;
        uint40 commitBy;
        uint40 revealBy;
        uint40 seedBlock;
        uint8 round;
        bool closed;
    }

    mapping(address auditor => uint256) public seats;
    mapping(address auditor => uint256) public earned;
    mapping(bytes32 id => Hearing) private _hearings;
    mapping(bytes32 id => mapping(uint8 round => address[])) private _members;
    mapping(bytes32 id => mapping(uint8 round => mapping(address member => bytes32))) private _answers;
    mapping(bytes32 id => bytes32) private _delivered;

    function hearing(bytes32 id) external view returns (Hearing memory) {
        return _hearings[id];
    }

    /* REPLAYING */

    /// @notice Takes in the events of this block, in their order.
    function follow(Log[] memory logs) external {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics.length == 0) continue;
            if (!_ofBalances(logs[i]) && !_ofJobs(logs[i]) && !_ofSessions(logs[i]) && !_ofStake(logs[i])) {
                _ofCourt(logs[i]);
            }
        }
    }

    function _ofBalances(Log memory log) private returns (bool) {
        bytes32 kind = log.topics[0];
        if (kind == EventsLib.Deposited.selector) {
            free[_account(log, 1)] += abi.decode(log.data, (uint96));
        } else if (kind == EventsLib.Withdrawn.selector) {
            free[_account(log, 1)] -= abi.decode(log.data, (uint96));
        } else if (kind == EventsLib.BatchPaid.selector) {
            (uint96 paid, uint96 fee) = abi.decode(log.data, (uint96, uint96));
            free[_account(log, 1)] -= paid + fee;
            _earn(_account(log, 2), paid, fee);
        } else if (kind == EventsLib.BatchNumbers.selector) {
            (uint256 word, uint256 bits) = abi.decode(log.data, (uint256, uint256));
            settled[_account(log, 1)][word] = bits;
        } else if (kind == EventsLib.FeesCollected.selector) {
            (fees[_account(log, 1)], volume[_account(log, 1)]) = (0, 0);
        } else if (kind == EventsLib.ParametersSet.selector) {
            version = uint16(uint256(log.topics[1]));
            _parameters[version] = abi.decode(log.data, (Parameters));
        } else if (kind == EventsLib.PricingSet.selector) {
            pricing = abi.decode(log.data, (address));
        } else if (kind == EventsLib.StopSet.selector) {
            stoppedUntil = abi.decode(log.data, (uint40));
        } else {
            return false;
        }
        return true;
    }

    function _ofJobs(Log memory log) private returns (bool) {
        bytes32 kind = log.topics[0];
        if (kind == IFogMarket.JobOpened.selector) {
            Deal storage d = _deals[log.topics[1]];
            (d.buyer, d.provider) = (_account(log, 2), _account(log, 3));
            (d.price,,,,,,) = abi.decode(log.data, (uint96, uint96, uint96, uint40, uint40, uint40, bytes32));
            (d.job.version, d.job.feeBps) = (version, _parameters[version].feeBps);
            free[d.buyer] -= d.price;
            _enter(d, JobState.Open);
        } else if (kind == EventsLib.JobDelivered.selector) {
            Deal storage d = _deals[log.topics[1]];
            (bytes32 result, uint64 fuel) = abi.decode(log.data, (bytes32, uint64));
            d.job.delivery = bytes18(keccak256(abi.encode(result, fuel, uint40(block.timestamp))));
            _delivered[log.topics[1]] = keccak256(abi.encode(result, fuel));
            _enter(d, JobState.Delivered);
        } else if (kind == EventsLib.JobChallenged.selector) {
            Deal storage d = _deals[log.topics[1]];
            uint96 bond = abi.decode(log.data, (uint96));
            free[d.buyer] -= bond;
            free[_account(log, 2)] += bond;
            _enter(d, JobState.Challenged);
        } else {
            return _ofEnds(log);
        }
        return true;
    }

    function _ofEnds(Log memory log) private returns (bool) {
        bytes32 kind = log.topics[0];
        Deal storage d = _deals[_id(log)];
        if (kind == EventsLib.JobSettled.selector) {
            (uint96 paid, uint96 fee, uint96 refund,) = abi.decode(log.data, (uint96, uint96, uint96, uint8));
            require(paid + fee + refund == d.price, "I4: pay, fee and refund are not the price");
            _earn(d.provider, paid, fee);
            _settle(d, refund);
        } else if (kind == IFogMarket.ReplicasPaid.selector) {
            (address[] memory replicas, uint96 paid, uint96 fee, uint96 refund) =
                abi.decode(log.data, (address[], uint96, uint96, uint96));
            require((paid + fee) * replicas.length + refund == d.price, "I4: shares and refund are not the price");
            for (uint256 i; i < replicas.length; ++i) {
                _earn(replicas[i], paid, fee);
            }
            _settle(d, refund);
        } else if (kind == EventsLib.JobCancelled.selector) {
            free[d.buyer] += d.price;
            _enter(d, JobState.Cancelled);
        } else if (kind == EventsLib.JobExpired.selector) {
            free[d.buyer] += d.price;
            _enter(d, JobState.Expired);
        } else if (kind == EventsLib.JobSlashed.selector) {
            free[d.buyer] += d.price;
            _enter(d, JobState.Slashed);
        } else {
            return false;
        }
        return true;
    }

    function _ofSessions(Log memory log) private returns (bool) {
        bytes32 kind = log.topics[0];
        Session storage s = _sessions[_id(log)];
        if (kind == EventsLib.SessionOpened.selector) {
            (s.buyer, s.provider, s.open) = (_account(log, 2), _account(log, 3), true);
            (, s.cap, s.expiry, s.feeBps) = abi.decode(log.data, (bytes32, uint96, uint40, uint16));
            free[s.buyer] -= s.cap;
        } else if (kind == EventsLib.SessionToppedUp.selector) {
            uint96 cap = abi.decode(log.data, (uint96));
            free[s.buyer] -= cap - s.cap;
            s.cap = cap;
        } else if (kind == EventsLib.VoucherClaimed.selector) {
            (uint96 paid, uint96 fee, uint96 total) = abi.decode(log.data, (uint96, uint96, uint96));
            require(s.claimed + paid + fee == total, "I5: what was paid is not what was claimed");
            s.claimed = total;
            _earn(s.provider, paid, fee);
        } else if (kind == EventsLib.SessionClosed.selector) {
            (uint96 claimed, uint96 refunded) = abi.decode(log.data, (uint96, uint96));
            require(claimed == s.claimed && claimed + refunded == s.cap, "I4: claims and refund are not the cap");
            s.open = false;
            free[s.buyer] += refunded;
        } else {
            return false;
        }
        return true;
    }

    function _ofStake(Log memory log) private returns (bool) {
        bytes32 kind = log.topics[0];
        if (log.topics.length < 2) return false;
        address owner = _account(log, 1);
        if (kind == EventsLib.Bonded.selector) {
            _bond(owner, abi.decode(log.data, (uint96)));
        } else if (kind == EventsLib.UnbondStarted.selector) {
            (uint96 amount, uint40 release) = abi.decode(log.data, (uint96, uint40));
            _unbond(owner, amount);
            Unbonding[] storage queue = _unbonding[owner];
            uint256 length = queue.length;
            if (length != 0 && queue[length - 1].release == release) queue[length - 1].amount += amount;
            else queue.push(Unbonding({amount: amount, release: release}));
        } else if (kind == EventsLib.UnbondCancelled.selector) {
            (uint96 amount, uint40 release) = abi.decode(log.data, (uint96, uint40));
            _bond(owner, amount);
            Unbonding[] storage queue = _unbonding[owner];
            uint256 at;
            while (queue[at].release != release) ++at;
            _drop(queue, at, 1);
        } else if (kind == EventsLib.StakeWithdrawn.selector) {
            uint256 amount = abi.decode(log.data, (uint96));
            Unbonding[] storage queue = _unbonding[owner];
            uint256 due;
            while (due < queue.length && queue[due].release <= block.timestamp) amount -= queue[due++].amount;
            require(amount == 0, "I20: what was withdrawn is not what was due");
            _drop(queue, 0, due);
        } else if (kind == EventsLib.Compensated.selector) {
            (uint96 paid, uint96 fromBond) = abi.decode(log.data, (uint96, uint96));
            _seize(owner, paid, fromBond);
        } else if (kind == EventsLib.Slashed.selector) {
            (uint96 fromBond, uint96 toVictim, uint96 toFinder, uint96 burnt) =
                abi.decode(log.data, (uint96, uint96, uint96, uint96));
            _seize(owner, toVictim + toFinder + burnt, fromBond);
        } else {
            return false;
        }
        return true;
    }

    function _ofCourt(Log memory log) private {
        bytes32 kind = log.topics[0];
        bytes32 id = _id(log);
        Hearing storage h = _hearings[id];
        if (kind == EventsLib.SeatsSet.selector) {
            seats[_account(log, 1)] = abi.decode(log.data, (uint16));
        } else if (kind == EventsLib.AuditPayCollected.selector) {
            earned[_account(log, 1)] -= abi.decode(log.data, (uint96));
        } else if (kind == EventsLib.CaseOpened.selector) {
            (h.finder, h.provider) = (_account(log, 2), _account(log, 3));
            (h.bond, h.verdictBy) = abi.decode(log.data, (uint96, uint40));
        } else if (kind == EventsLib.SeedNamed.selector) {
            (h.round, h.seedBlock) = abi.decode(log.data, (uint8, uint40));
            (h.commitBy, h.revealBy) = (0, 0);
        } else if (kind == EventsLib.CommitteeDrawn.selector) {
            (, _members[id][h.round], h.commitBy, h.revealBy) = abi.decode(log.data, (uint8, address[], uint40, uint40));
        } else if (kind == EventsLib.Revealed.selector) {
            (uint8 round, bytes32 result, uint64 fuel) = abi.decode(log.data, (uint8, bytes32, uint64));
            _answers[id][round][_account(log, 2)] = keccak256(abi.encode(result, fuel));
        } else if (kind == EventsLib.Verdict.selector) {
            _judge(id, h, log.data);
        }
    }

    /// @dev Who said what the verdict says is paid: the delivery's answer when it acquits, the most frequent of the
    /// others when it convicts.
    function _judge(bytes32 id, Hearing storage h, bytes memory data) private {
        (bool guilty,,, uint96 pay) = abi.decode(data, (bool, uint8, uint96, uint96));
        h.closed = true;
        if (pay == 0) return;
        address[] storage members = _members[id][h.round];
        bytes32 said = _delivered[id];
        if (guilty) {
            uint256 most;
            for (uint256 i; i < members.length; ++i) {
                uint256 same;
                for (uint256 k; k < members.length; ++k) {
                    if (_answers[id][h.round][members[k]] == _answers[id][h.round][members[i]]) ++same;
                }
                if (same > most && _answers[id][h.round][members[i]] != 0) {
                    (most, said) = (same, _answers[id][h.round][members[i]]);
                }
            }
        }
        for (uint256 i; i < members.length; ++i) {
            if (_answers[id][h.round][members[i]] == said) earned[members[i]] += pay;
        }
    }

    /* INTERNAL */

    /// @dev What most events are of: zero where there is no such thing.
    function _id(Log memory log) private pure returns (bytes32) {
        return log.topics.length > 1 ? log.topics[1] : bytes32(0);
    }

    function _account(Log memory log, uint256 topic) private pure returns (address) {
        return address(uint160(uint256(log.topics[topic])));
    }

    function _earn(address owner, uint256 paid, uint256 fee) private {
        free[owner] += paid;
        fees[owner] += fee;
        volume[owner] += (paid + fee) / 1e9;
    }

    function _settle(Deal storage d, uint96 refund) private {
        free[d.buyer] += refund;
        ++d.settlements;
        _enter(d, JobState.Settled);
    }

    function _enter(Deal storage d, JobState state) private {
        (d.job.state, d.job.since, d.job.number) = (state, uint40(block.timestamp), uint32(block.number));
    }

    function _bond(address owner, uint256 amount) private {
        bonded[owner] += amount;
        totalBonded += amount;
    }

    function _unbond(address owner, uint256 amount) private {
        bonded[owner] -= amount;
        totalBonded -= amount;
    }

    function _seize(address owner, uint256 amount, uint256 fromBond) private {
        _unbond(owner, fromBond);
        amount -= fromBond;
        Unbonding[] storage queue = _unbonding[owner];
        while (amount != 0) {
            Unbonding storage last = queue[queue.length - 1];
            if (last.amount > amount) {
                last.amount -= uint96(amount);
                return;
            }
            amount -= last.amount;
            queue.pop();
        }
    }

    function _drop(Unbonding[] storage queue, uint256 start, uint256 count) private {
        for (uint256 i = start + count; i < queue.length; ++i) {
            queue[i - count] = queue[i];
        }
        for (uint256 i; i < count; ++i) {
            queue.pop();
        }
    }
}
