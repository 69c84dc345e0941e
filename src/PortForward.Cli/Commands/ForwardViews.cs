using PortForward.Cluster;
using PortForward.Forwarding;

namespace PortForward.Cli.Commands;

/// <summary>What the user sees of all forwards of a run, in the order of the command line.</summary>
/// <param name="views">One for each forward.</param>
/// <param name="output">Takes what is said on stdout.</param>
/// <param name="explain">Adds to a fault what the user can do about it.</param>
/// <param name="throwsLoss">Whether a forward that is lost for good ends the run with its fault. Others tell it, and the run goes on.</param>
internal sealed class ForwardViews(IReadOnlyList<ForwardView> views, RunOutput output, Func<Exception, Exception> explain, bool throwsLoss) : IDisposable
{
    private readonly Dictionary<ForwardView, Task> _ends = [];
    private volatile bool _hasLost;

    /// <summary>Whether one could not be started or was lost for good.</summary>
    public bool HasLost => _hasLost;

    /// <summary>Whether a port that cannot be had was told.</summary>
    public bool HasToldPort => views.Any(static view => view.HasToldPort);

    /// <summary>The view of a forward, by its number.</summary>
    public ForwardView this[int index] => views[index];

    /// <summary>Tells how a forward ends, which it may have done already. Each is followed once.</summary>
    public void Follow(Forward forward)
    {
        ForwardView view = views.First(view => view.Forward == forward);
        Task end = FollowAsync(view);
        lock (_ends)
        {
            _ends.Add(view, end);
        }
    }

    /// <summary>Tells that those have ended that were never ready, and are not followed.</summary>
    public void TellOthersStopped()
    {
        lock (_ends)
        {
            foreach (ForwardView view in views.Where(view => !_ends.ContainsKey(view)))
            {
                output.TellEnded(view, null);
            }
        }
    }

    /// <summary>Waits until all that are followed have ended.</summary>
    /// <exception cref="ClusterException">One is lost for good, and that is the end of the run.</exception>
    public Task UntilEndedAsync()
    {
        lock (_ends)
        {
            return Task.WhenAll(_ends.Values);
        }
    }

    private async Task FollowAsync(ForwardView view)
    {
        try
        {
            await view.Forward.Completion;
            output.TellEnded(view, null);
        }
        catch (OperationCanceledException)
        {
            output.TellEnded(view, null); // The end was asked for before it was ready.
        }
        catch (Exception e)
        {
            output.TellEnded(view, e);
            if (throwsLoss)
            {
                throw;
            }

            _hasLost = true;
            if (e is not PortForwardException || !view.HasToldPort)
            {
                view.TellLost(explain(e));
            }
        }
    }

    /// <summary>Tells what was kept back to be told together.</summary>
    public void Dispose()
    {
        foreach (ForwardView view in views)
        {
            view.Dispose();
        }
    }
}
