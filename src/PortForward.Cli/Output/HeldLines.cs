namespace PortForward.Cli.Output;

/// <summary>
/// Lines of one forward that wait until all of a run are ready: a run that cannot start says nothing on stdout, and one that can tells its forwards in the order in
/// which they were asked for.
/// </summary>
/// <param name="write">Takes each line, sooner or later.</param>
internal sealed class HeldLines(Action<string> write)
{
    private readonly Lock _gate = new();
    private List<string>? _held = [];

    /// <summary>Writes a text that brings its own end of line, now or once they are released.</summary>
    public void Write(string line)
    {
        lock (_gate)
        {
            if (_held is not null)
            {
                _held.Add(line);
                return;
            }

            write(line);
        }
    }

    /// <summary>Writes what is held, and everything that comes from now on at once.</summary>
    public void Release()
    {
        lock (_gate)
        {
            _held?.ForEach(write);
            _held = null;
        }
    }
}
